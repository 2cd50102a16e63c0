"""Machines and prices as they go over the wire (docs/wire.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wake_service.accounts.budget import MICROS
from wake_service.clock import iso
from wake_service.machines.fleet import Fleet
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.spending import Price


def price_view(price: Price, currency: str) -> dict[str, Any]:
    """A price in its parts; `includes_wake` also where a wake costs nothing."""
    parts = {"estimate": price.whole, "wake": price.wake, "pictures": price.pictures, "idle": price.idle}
    shown = {part: {"amount": round(micros / MICROS, 6), "currency": currency} for part, micros in parts.items()}
    return {**shown, "includes_wake": price.includes_wake}


def machine_view(machine: Machine, fleet: Fleet, currency: str, wished_until: float, curfew: str | None = None) -> dict[str, Any]:
    """The whole machine; times that are estimates are rounded to a tenth of a second. A wish keeps it awake as a lease does.

    `curfew` is what is said while nothing may run, where the machine has nothing to say of its own.
    """
    eta = fleet.eta(machine)
    awake_until = max(machine.kept_until, wished_until) if machine.state is MachineState.READY else 0.0
    return {
        "id": machine.id,
        "pool": machine.pool,
        "provider": machine.provider,
        "state": machine.state,
        "stage": machine.stage,
        "eta_seconds": None if eta is None else round(eta, 1),
        "since": iso(machine.since),
        "generation": machine.generation,
        "engine": asdict(machine.engine) if machine.engine else None,
        "price_per_hour": {"amount": round(machine.price_micros_per_hour / MICROS, 6), "currency": currency},
        "sleeps_at": iso(awake_until) if awake_until else None,
        "wake_seconds": round(fleet.estimate.wake_seconds(machine), 1),
        "slow_after_seconds": round(fleet.estimate.slow_after(machine), 1),
        "message": machine.message or curfew,
        "instance_type": machine.instance_type,
        "zone": machine.zone,
        "spot": machine.spot,
        "held_until": iso(machine.hold_until) if machine.hold_until else None,
        "held_by": machine.held_by,
    }
