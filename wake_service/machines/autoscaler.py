"""Which machines should be awake. Pure: values in, values out; service and tests call the very same function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from wake_service.machines.curfew import Curfew
from wake_service.machines.model import AWAKE, Machine, MachineState


class Order(StrEnum):
    """What can be asked of a machine. `evict` is a stop of a machine that still has work, which is queued again."""

    WAKE = "wake"
    DRAIN = "drain"
    KEEP = "keep"
    STOP = "stop"
    EVICT = "evict"
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
    """What artists want of the pool: jobs that no machine holds yet and that may be paid for; wishes to paint soon.

    `artists`: how many have work and need a machine each; 0 where machines are shared.
    """

    queued: int = 0
    wished_until: float = 0.0
    artists: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a pool is run. Counts are machines; times are seconds.

    `max_uptime`: a machine awake for so long is drained, whoever uses it; `longest_job`: how long that may take before it is
    stopped all the same. During the `curfew` nothing is awake.
    """

    maximum: int = 1
    minimum: int = 0
    jobs_per_machine: int = 4
    wake_deadline: float = 900.0
    stop_deadline: float = 120.0
    max_uptime: float = 43_200.0
    longest_job: float = 3600.0
    curfew: Curfew | None = None

    def rests(self, now: float) -> bool:
        """Whether it is the time of the curfew."""
        return self.curfew is not None and self.curfew.active(now)


def plan(fleet: Sequence[Member], demand: Demand, policy: Policy, now: float) -> list[Action]:
    """The orders that bring the fleet from what it is to what is needed; empty when nothing should change.

    Never orders a machine with work to drain or stop, unless its time is over (`must_go`); then it takes no new work, and is
    stopped with work only after `longest_job`. Calling it again after its orders were carried out gives nothing new.
    """
    actions = [action for member in fleet if (action := _overdue(member, policy, now) or _leave(member, policy, now))]
    ordered = {action.machine_id for action in actions}
    usable = [m for m in fleet if m.machine.id not in ordered and must_go(m.machine, policy, now) is None]
    missing = wanted(fleet, demand, policy, now) - sum(_counts_as_awake(member) for member in usable)
    if missing > 0:
        actions += _wake(usable, missing, now)
    else:
        actions += _let_sleep(usable, -missing, now)
    ordered = {action.machine_id for action in actions}
    return actions + [action for m in fleet if m.machine.id not in ordered and (action := _clean_up(m, now))]


def wanted(fleet: Sequence[Member], demand: Demand, policy: Policy, now: float) -> int:
    """How many machines should be awake, besides those that must go and finish what they have."""
    if policy.rests(now):
        return 0
    jobs = demand.queued + sum(member.work for member in fleet if must_go(member.machine, policy, now) is None)
    needed = max(math.ceil(jobs / policy.jobs_per_machine), demand.artists)
    if demand.wished_until > now:
        needed = max(needed, 1)
    return max(policy.minimum, min(policy.maximum, needed))


def must_go(machine: Machine, policy: Policy, now: float) -> str | None:
    """Why a machine that is up may not go on, whoever needs it; None when it may."""
    if machine.state is not MachineState.WAKING and machine.state not in AWAKE:
        return None
    if machine.notice is not None:
        return "its cloud wants it back"
    if machine.awake_since is not None and now >= machine.awake_since + policy.max_uptime:
        return "it has been awake for the longest time allowed"
    return "it is the time of the curfew" if policy.rests(now) else None


def next_change(fleet: Sequence[Member], demand: Demand, policy: Policy, now: float) -> float | None:
    """The next moment at which time alone can change the plan; None when only an event can."""
    moments = [demand.wished_until]
    if policy.curfew is not None:
        moments.append(policy.curfew.next_change(now))
    for member in fleet:
        machine = member.machine
        moments += [machine.lease_until, machine.hold_until, machine.retry_at]
        if machine.awake_since is not None:
            longest = machine.awake_since + policy.max_uptime
            moments += [longest, longest + policy.longest_job]
        if machine.state is MachineState.WAKING:
            moments.append(machine.since + policy.wake_deadline)
        if machine.state is MachineState.STOPPING:
            moments.append(machine.since + policy.stop_deadline)
    return min((moment for moment in moments if now < moment < math.inf), default=None)


def _counts_as_awake(member: Member) -> bool:
    return member.machine.state in (MachineState.WAKING, MachineState.READY, MachineState.BUSY)


def _overdue(member: Member, policy: Policy, now: float) -> Action | None:
    machine = member.machine
    if machine.state is MachineState.WAKING and now >= machine.since + policy.wake_deadline:
        return _action(Order.GIVE_UP, machine, "the wake took too long")
    if machine.state is MachineState.STOPPING and now >= machine.since + policy.stop_deadline:
        return _action(Order.GIVE_UP, machine, "the stop took too long")
    return None


def _leave(member: Member, policy: Policy, now: float) -> Action | None:
    """The next step of a machine that must go; None when it has none now."""
    machine, why = member.machine, must_go(member.machine, policy, now)
    if why is None:
        return None
    if machine.state is not MachineState.DRAINING:
        return _action(Order.DRAIN, machine, why)
    if not member.work:
        return _action(Order.STOP, machine, why)
    if machine.awake_since is not None and now >= machine.awake_since + policy.max_uptime + policy.longest_job:
        return _action(Order.EVICT, machine, why)
    return None


def _wake(fleet: Sequence[Member], missing: int, now: float) -> list[Action]:
    """Machines that were about to sleep are kept first: they cost no wake. One that does not stop is the last resort: its
    provider may know another for it."""
    draining = [m for m in fleet if m.machine.state is MachineState.DRAINING]
    off = [m for m in fleet if m.machine.retry_at <= now and (m.machine.state is MachineState.ASLEEP or _hopeless(m))]
    off.sort(key=lambda m: (m.machine.stuck, m.machine.failures, m.machine.price_micros_per_hour, m.machine.id))
    kept = [_action(Order.KEEP, m.machine, "needed again") for m in draining[:missing]]
    woken = [_action(Order.WAKE, m.machine, "needed") for m in off[: missing - len(kept)]]
    return kept + woken


def _hopeless(member: Member) -> bool:
    """It did not stop, and not by force either."""
    machine = member.machine
    return machine.state is MachineState.FAILED and machine.stuck and machine.failures > 1 and not member.work


def _let_sleep(fleet: Sequence[Member], spare: int, now: float) -> list[Action]:
    actions = []
    for member in sorted(fleet, key=lambda m: m.machine.kept_until):
        machine = member.machine
        if member.work > 0:
            continue
        if machine.state is MachineState.DRAINING:
            actions.append(_action(Order.STOP, machine, "nothing left to do"))
        elif spare > 0 and _idle(machine) and now >= machine.kept_until:
            spare -= 1
            actions.append(_action(Order.DRAIN, machine, "nobody needs it"))
    return actions


def _clean_up(member: Member, now: float) -> Action | None:
    """A failed machine is stopped; where that was tried and failed, not before its pause is over."""
    machine = member.machine
    if machine.state is MachineState.FAILED and not member.work and (not machine.stuck or now >= machine.retry_at):
        return _action(Order.STOP, machine, "a failed machine still costs money")
    return None


def _idle(machine: Machine) -> bool:
    return machine.state in (MachineState.READY, MachineState.WAKING)


def _action(order: Order, machine: Machine, why: str) -> Action:
    return Action(order, machine.id, machine.generation, why)
