"""A machine's life: what it can be ordered to do, and what is made of what the cloud says (docs/architecture.md, "machine")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wake_service.errors import WakebrushError
from wake_service.providers.base import BootStage, NoticeKind, Power, Sighting


class MachineState(StrEnum):
    """Where a machine is in its life."""

    ASLEEP = "asleep"
    WAKING = "waking"
    READY = "ready"
    BUSY = "busy"
    DRAINING = "draining"
    STOPPING = "stopping"
    FAILED = "failed"
    GONE = "gone"


class WakeStage(StrEnum):
    """How far a wake has come."""

    REQUESTED = "requested"
    STARTING = "starting"
    BOOTING = "booting"
    ENGINE = "engine"


STAGES = tuple(WakeStage)

#: What a machine in a state may be ordered to become. `asleep` and `gone` are only ever observed.
ORDERS: dict[MachineState, frozenset[MachineState]] = {
    MachineState.ASLEEP: frozenset({MachineState.WAKING}),
    MachineState.WAKING: frozenset({MachineState.READY, MachineState.FAILED, MachineState.DRAINING}),
    MachineState.READY: frozenset({MachineState.BUSY, MachineState.DRAINING}),
    MachineState.BUSY: frozenset({MachineState.READY, MachineState.DRAINING, MachineState.FAILED}),
    MachineState.DRAINING: frozenset({MachineState.READY, MachineState.BUSY, MachineState.STOPPING}),
    MachineState.STOPPING: frozenset({MachineState.ASLEEP, MachineState.FAILED}),
    MachineState.FAILED: frozenset({MachineState.WAKING, MachineState.STOPPING, MachineState.GONE}),
    MachineState.GONE: frozenset(),
}

#: States in which the engine is up and can be spoken to.
AWAKE = frozenset({MachineState.READY, MachineState.BUSY, MachineState.DRAINING})
#: States in which the machine costs money.
COSTING = AWAKE | {MachineState.WAKING, MachineState.STOPPING, MachineState.FAILED}


#: What is said of a machine that is wiped between two artists.
HANDED_OVER = "The machine is made ready for another artist: what it held of the last one is removed."
#: What is not known yet of a life that begins.
_FRESH: dict[str, Any] = {"boot": None, "address": None, "message": None, "notice": None}


class IllegalOrder(WakebrushError):
    """An order that the table does not allow."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine says of itself."""

    name: str
    version: str
    practice: bool


def engine_of(stats: Mapping[str, object]) -> Engine:
    """What `/system_stats` tells about the engine."""
    system = stats.get("system")
    facts = system if isinstance(system, dict) else {}
    practice = facts.get("practice") is True
    name = str(facts.get("name") or "ComfyUI")
    return Engine(name=name, version=str(facts.get("comfyui_version") or "unknown"), practice=practice)


@dataclass(frozen=True, slots=True)
class Machine:
    """One GPU instance as the service knows it. `since`, `awake_since`, `lease_until`, `hold_until`, `retry_at` in epoch seconds.

    `held_by`: who keeps it awake until `hold_until`, by name.

    `generation` rises with every order and every observed change; an order is carried out only on the generation it was
    decided on. `failures` counts wakes that failed in a row; none is tried before `retry_at`. `no_capacity`: the last one failed
    because all machines of its kind were taken. `stuck`: it did not stop when it was told to. `notice`: its cloud wants it back.
    `instance_type` and `zone` are None for machines that have none.
    """

    id: str
    pool: str
    provider: str
    price_micros_per_hour: int
    state: MachineState = MachineState.ASLEEP
    stage: WakeStage | None = None
    generation: int = 0
    since: float = 0.0
    boot: str | None = None
    address: str | None = None
    lease_until: float = 0.0
    retry_at: float = 0.0
    failures: int = 0
    message: str | None = None
    engine: Engine | None = field(default=None)
    instance_type: str | None = None
    zone: str | None = None
    spot: bool = False
    hold_until: float = 0.0
    held_by: str | None = None
    awake_since: float | None = None
    notice: NoticeKind | None = None
    no_capacity: bool = False
    stuck: bool = False

    @property
    def kept_until(self) -> float:
        """Until when it stays awake without work."""
        return max(self.lease_until, self.hold_until)


def order(machine: Machine, state: MachineState, now: float, **changes: Any) -> Machine:
    """The machine after an order. Raises IllegalOrder when the table does not allow it."""
    if state not in ORDERS[machine.state]:
        raise IllegalOrder(f"A machine that is {machine.state} cannot be ordered to be {state}.")
    if state is MachineState.WAKING:
        why = machine.message if machine.failures else None  # why the last wake failed is true until this one has begun
        begun = {**_FRESH, "stage": WakeStage.REQUESTED, "message": why, "awake_since": now, "no_capacity": False}
        changes = {**begun, **changes}
    return _change(machine, state, now, **changes)


def handing_over(machine: Machine, now: float) -> Machine:
    """A machine at rest that is wiped for another artist: its engine is waited for as at a wake, in the same life of it.

    No wake: it stays up. Raises IllegalOrder when it does not rest.
    """
    if machine.state is not MachineState.READY:
        raise IllegalOrder(f"A machine that is {machine.state} cannot be handed over.")
    return _change(machine, MachineState.WAKING, now, stage=WakeStage.BOOTING, message=HANDED_OVER)


def backoff(failures: int) -> float:
    """Seconds to wait before the next wake after `failures` in a row: the first is repeated at once, then 2, 4, ... 60."""
    return 0.0 if failures <= 1 else min(60.0, 2.0 ** (failures - 1))


def renew_lease(machine: Machine, until: float) -> Machine:
    """The machine with a lease that ends no earlier than `until`; not an order, so the generation stays."""
    return replace(machine, lease_until=max(machine.lease_until, until))


def hold(machine: Machine, until: float, by: str | None = None) -> Machine:
    """The machine kept awake until then, whoever asked before; 0 lets it go. Not an order, so the generation stays."""
    return replace(machine, hold_until=until, held_by=by if until else None)


def discovered(sighting: Sighting, provider: str, now: float) -> Machine | None:
    """A machine that the service did not know, from the first sighting of it; None when there is nothing to take in."""
    traits = sighting.traits
    if traits is None or sighting.power is Power.TERMINATED:
        return None
    unknown = Machine(sighting.machine_id, traits.pool, provider, traits.price_micros_per_hour, since=now)
    return replace(_noted(unknown, sighting), generation=0)


def observe(machine: Machine, sighting: Sighting, now: float) -> Machine:
    """The machine after the cloud was seen to say `sighting`; the very same object when that changes nothing."""
    return _noted(_powered(machine, sighting, now), sighting)


def _noted(machine: Machine, sighting: Sighting) -> Machine:
    """The machine with what the sighting says of its kind, and that its cloud wants it back."""
    noted = machine
    if (traits := sighting.traits) is not None:
        price = traits.price_micros_per_hour
        kind = {"instance_type": traits.instance_type, "zone": traits.zone, "spot": traits.spot}
        noted = replace(noted, price_micros_per_hour=price, **kind)  # type: ignore[arg-type]
    if sighting.notice is not None and (noted.state is MachineState.WAKING or noted.state in AWAKE):
        noted = replace(noted, notice=sighting.notice.kind)
    return machine if noted == machine else replace(noted, generation=machine.generation + 1)


def _powered(machine: Machine, sighting: Sighting, now: float) -> Machine:
    match sighting.power:
        case Power.TERMINATED:
            return _become(machine, MachineState.GONE, now, sighting)
        case Power.STOPPED:
            return _stopped(machine, sighting, now)
        case Power.STOPPING:
            return _become(machine, MachineState.STOPPING, now, sighting)
        case Power.STARTING | Power.RUNNING:
            return _running(machine, sighting, now)


def _stopped(machine: Machine, sighting: Sighting, now: float) -> Machine:
    if machine.state is MachineState.WAKING and machine.stage is WakeStage.REQUESTED and sighting.at <= machine.since:
        return machine  # seen before the start was asked for
    if machine.state in (MachineState.WAKING, MachineState.READY, MachineState.BUSY):
        failures = machine.failures + 1
        return _become(machine, MachineState.ASLEEP, now, sighting, failures=failures, retry_at=now + backoff(failures))
    after = _become(machine, MachineState.ASLEEP, now, sighting)
    if machine.failures and machine.message and after is not machine:
        return replace(after, message=machine.message)  # off is not mended
    return after


def _running(machine: Machine, sighting: Sighting, now: float) -> Machine:
    """Running where it should not be is a wake that nobody asked for; where it should be, it only tells how far it is.

    An engine that has ended is started again by its machine: that is waited for like the end of a wake.
    """
    state = machine.state
    reborn = machine.boot is not None and sighting.boot is not None and sighting.boot != machine.boot
    if state in (MachineState.ASLEEP, MachineState.GONE) or (reborn and state in AWAKE):
        begun = {**_FRESH, "boot": sighting.boot, "address": sighting.address, "stage": _stage(sighting)}
        begun |= {"awake_since": now, "message": sighting.message}
        return _change(machine, MachineState.WAKING, now, **begun)
    if state in (MachineState.READY, MachineState.BUSY) and sighting.trouble is not None:
        seen = {"boot": sighting.boot or machine.boot, "address": sighting.address or machine.address}
        return _change(machine, MachineState.WAKING, now, stage=_stage(sighting), message=sighting.message, **seen)
    if state is not MachineState.WAKING:
        return machine
    stage = max((machine.stage or WakeStage.REQUESTED, _stage(sighting)), key=STAGES.index)
    if reborn:
        stage = _stage(sighting)
    known = replace(
        machine,
        stage=stage,
        boot=sighting.boot or machine.boot,
        address=sighting.address or machine.address,
        message=sighting.message or (HANDED_OVER if machine.message == HANDED_OVER else None),
    )
    return machine if known == machine else replace(known, generation=machine.generation + 1)


def _stage(sighting: Sighting) -> WakeStage:
    return WakeStage((sighting.stage or BootStage.STARTING).value)


def _become(machine: Machine, state: MachineState, now: float, sighting: Sighting, **changes: Any) -> Machine:
    if machine.state is state:
        return machine
    return _change(machine, state, now, message=sighting.message, **changes)


def _change(machine: Machine, state: MachineState, now: float, **changes: Any) -> Machine:
    if state in (MachineState.ASLEEP, MachineState.GONE):
        changes |= {"boot": None, "address": None, "awake_since": None, "notice": None, "stuck": False}
        changes |= {"hold_until": 0.0, "held_by": None}
    stage = changes.pop("stage", None)
    return replace(machine, state=state, stage=stage, since=now, generation=machine.generation + 1, **changes)
