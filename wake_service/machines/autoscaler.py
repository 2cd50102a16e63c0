"""Which machines should be awake. Pure: values in, values out; service and tests call the very same function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from wake_service.machines.model import Machine, MachineState


class Order(StrEnum):
    """What can be asked of a machine."""

    WAKE = "wake"
    DRAIN = "drain"
    KEEP = "keep"
    STOP = "stop"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Action:
    """One order to one machine, good for the generation it was decided on. `why` is for the log."""

    order: Order
    machine_id: str
    generation: int
    why: str


@dataclass(frozen=True, slots=True)
class Member:
    """A machine of the pool and the number of jobs it holds (claimed or running; foreign prompts count too)."""

    machine: Machine
    work: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What artists want of the pool: jobs that no machine holds yet and that may be paid for; wishes to paint soon."""

    queued: int = 0
    wished_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a pool is run. Counts are machines; times are seconds."""

    maximum: int = 1
    minimum: int = 0
    jobs_per_machine: int = 4
    wake_deadline: float = 900.0
    stop_deadline: float = 120.0


def plan(fleet: Sequence[Member], demand: Demand, policy: Policy, now: float) -> list[Action]:
    """The orders that bring the fleet from what it is to what is needed; empty when nothing should change.

    Never orders a machine with work to drain or stop. Calling it again after its orders were carried out gives nothing new.
    """
    actions = [action for member in fleet if (action := _overdue(member, policy, now))]
    given_up = {action.machine_id for action in actions}
    usable = [member for member in fleet if member.machine.id not in given_up]
    missing = wanted(fleet, demand, policy, now) - sum(_counts_as_awake(member) for member in usable)
    if missing > 0:
        return actions + _wake(usable, missing, now)
    return actions + _let_sleep(usable, -missing, now)


def wanted(fleet: Sequence[Member], demand: Demand, policy: Policy, now: float) -> int:
    """How many machines should be awake."""
    jobs = demand.queued + sum(member.work for member in fleet)
    needed = math.ceil(jobs / policy.jobs_per_machine)
    if demand.wished_until > now:
        needed = max(needed, 1)
    return max(policy.minimum, min(policy.maximum, needed))


def next_change(fleet: Sequence[Member], demand: Demand, policy: Policy, now: float) -> float | None:
    """The next moment at which time alone can change the plan; None when only an event can."""
    moments = [demand.wished_until]
    for member in fleet:
        machine = member.machine
        moments += [machine.lease_until, machine.retry_at]
        if machine.state is MachineState.WAKING:
            moments.append(machine.since + policy.wake_deadline)
        if machine.state is MachineState.STOPPING:
            moments.append(machine.since + policy.stop_deadline)
    return min((moment for moment in moments if moment > now), default=None)


def _counts_as_awake(member: Member) -> bool:
    return member.machine.state in (MachineState.WAKING, MachineState.READY, MachineState.BUSY)


def _overdue(member: Member, policy: Policy, now: float) -> Action | None:
    machine = member.machine
    if machine.state is MachineState.WAKING and now >= machine.since + policy.wake_deadline:
        return _action(Order.GIVE_UP, machine, "the wake took too long")
    if machine.state is MachineState.STOPPING and now >= machine.since + policy.stop_deadline:
        return _action(Order.GIVE_UP, machine, "the stop took too long")
    if machine.state is MachineState.FAILED and member.work == 0:
        return _action(Order.STOP, machine, "a failed machine still costs money")
    return None


def _wake(fleet: Sequence[Member], missing: int, now: float) -> list[Action]:
    """Machines that were about to sleep are kept first: they cost no wake."""
    draining = [m for m in fleet if m.machine.state is MachineState.DRAINING]
    asleep = [m for m in fleet if m.machine.state is MachineState.ASLEEP and m.machine.retry_at <= now]
    asleep.sort(key=lambda m: (m.machine.failures, m.machine.price_micros_per_hour, m.machine.id))
    kept = [_action(Order.KEEP, m.machine, "needed again") for m in draining[:missing]]
    woken = [_action(Order.WAKE, m.machine, "needed") for m in asleep[: missing - len(kept)]]
    return kept + woken


def _let_sleep(fleet: Sequence[Member], spare: int, now: float) -> list[Action]:
    actions = []
    for member in sorted(fleet, key=lambda m: m.machine.lease_until):
        machine = member.machine
        if member.work > 0:
            continue
        if machine.state is MachineState.DRAINING:
            actions.append(_action(Order.STOP, machine, "nothing left to do"))
        elif spare > 0 and _idle(machine) and now >= machine.lease_until:
            spare -= 1
            actions.append(_action(Order.DRAIN, machine, "nobody needs it"))
    return actions


def _idle(machine: Machine) -> bool:
    return machine.state in (MachineState.READY, MachineState.WAKING)


def _action(order: Order, machine: Machine, why: str) -> Action:
    return Action(order, machine.id, machine.generation, why)
