"""Which machines nobody needs, from the cloud's own list and clock alone. Pure: readings and probes in, verdicts out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from wake_service.machines.curfew import Curfew
from wake_service.providers.base import Power
from wake_service.providers.leases import Holding, Inventory, Probe
from wake_service.settings import Settings

#: A cloud tells its time in whole seconds: two answers may seem that much closer than they were.
TICK = 1.0
_UP = frozenset({Power.STARTING, Power.RUNNING})


class Cause(StrEnum):
    """Why a machine should not run: nothing covers it, it has run too long, or nothing may run now."""

    LEASE = "lease"
    UPTIME = "uptime"
    CURFEW = "curfew"


class Deed(StrEnum):
    """What is done about a machine. `say`: nothing, but somebody should know."""

    STOP = "stop"
    FORCE = "force"
    RENEW = "renew"
    SAY = "say"


@dataclass(frozen=True, slots=True)
class ReaperPolicy:
    """When a machine is reaped. Times in seconds.

    A machine without a readable lease has one of `grace` from its start on. A hold further ahead than `max_hold` was not
    given by this service, and counts as one of `max_hold` from the start on. `renewal` is what a machine gets whose lease has
    ended while somebody's work is on it. A service that is alive drains a machine at `max_uptime` or when the curfew begins,
    and stops it after `longest_job`: only then does the reaper, whoever works on it. `stop_deadline` is longer than the
    service's own, which is to be first.
    """

    period: float = 60.0
    grace: float = 2700.0
    renewal: float = 600.0
    max_hold: float = 14_400.0
    max_uptime: float = 43_200.0
    longest_job: float = 3600.0
    stop_deadline: float = 300.0
    max_skew: float = 60.0
    curfew: Curfew | None = None

    @classmethod
    def of(cls, settings: Settings) -> ReaperPolicy:
        """As an admin has set it. Raises SetupError for a curfew that cannot be read."""
        curfew = None
        if settings.curfew is not None:
            curfew = Curfew.parse(settings.curfew, settings.timezone, settings.curfew_exceptions)
        return cls(
            period=settings.reaper_seconds,
            grace=settings.wake_deadline_seconds + settings.idle_seconds,
            max_hold=settings.max_hold_seconds,
            max_uptime=settings.max_uptime_seconds,
            longest_job=settings.longest_job_seconds,
            stop_deadline=settings.stop_deadline_seconds + 3 * settings.reaper_seconds,
            curfew=curfew,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """The cloud's list, and when it was asked for and came, by our own clock."""

    asked_at: float
    answered_at: float
    inventory: Inventory

    @property
    def skew(self) -> float:
        """Seconds that our clock and the cloud's are apart beyond what the call's own duration explains; positive when the
        cloud's is ahead.

        Nothing else explains it, however steady it is: leases are written by our clock and read by the cloud's, and nobody
        here can tell which of the two is wrong.
        """
        at = self.inventory.at
        return at - min(max(at, self.asked_at), self.answered_at)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is remembered of one machine's present life between two readings; moments by the cloud's clock.

    `due_since`: the first of the readings in a row at which it should not have run. `ending_since`: when its stop was asked
    for or first seen.
    """

    launched_at: float
    due_since: float | None = None
    ending_since: float | None = None
    forced_at: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about a machine, and why, as a sentence for the admin. `alarm` asks for a person to look.

    `lease_until` and `hold_until` are the tags to write with `renew`.
    """

    deed: Deed
    machine_id: str
    why: str
    alarm: bool = False
    lease_until: float = 0.0
    hold_until: float | None = None


def covered_until(holding: Holding, at: float, policy: ReaperPolicy) -> float:
    """Until when a machine may run without being needed (epoch seconds), as read at `at`."""
    lease, hold = holding.lease_until, holding.hold_until
    if lease is None:
        lease = holding.launched_at + policy.grace
    if hold is None:
        return lease
    given_here = hold <= at + policy.max_hold + policy.max_skew
    return max(lease, hold if given_here else holding.launched_at + policy.max_hold)


def cause(holding: Holding, at: float, policy: ReaperPolicy) -> Cause | None:
    """Why a machine that is up should not be, at `at`; None when it may run."""
    if at >= holding.launched_at + policy.max_uptime + policy.longest_job:
        return Cause.UPTIME
    if policy.curfew is not None and _held_for(policy.curfew, at, policy.longest_job):
        return Cause.CURFEW
    return None if at < covered_until(holding, at, policy) else Cause.LEASE


def remember(memory: Mapping[str, Watched], reading: Reading, policy: ReaperPolicy) -> dict[str, Watched]:
    """What is known after one more reading. One by clocks that do not agree begins every row anew."""
    at = reading.inventory.at
    trusted = abs(reading.skew) <= policy.max_skew
    known = {}
    for holding in reading.inventory.machines:
        before = memory.get(holding.machine_id)
        if before is None or before.launched_at != holding.launched_at:
            before = Watched(holding.launched_at)
        if holding.power is Power.STOPPING:
            known[holding.machine_id] = replace(before, due_since=None, ending_since=before.ending_since or at)
        elif holding.power in _UP:
            due = trusted and cause(holding, at, policy) is not None
            since = (before.due_since or at) if due else None
            known[holding.machine_id] = replace(before, due_since=since, ending_since=before.ending_since if due else None)
    return known


def suspects(memory: Mapping[str, Watched], reading: Reading, policy: ReaperPolicy) -> list[str]:
    """The machines whose guard has to be asked before anything is done."""
    return [h.machine_id for h in _ripe(memory, reading, policy) if cause(h, reading.inventory.at, policy) is Cause.LEASE]


def verdicts(memory: Mapping[str, Watched], reading: Reading, probes: Mapping[str, Probe], policy: ReaperPolicy) -> list[Verdict]:
    """What is to be done now. `memory` has the reading in it (`remember`); `probes` are the answers of the `suspects`.

    A machine is stopped after two readings of different lists, half a period apart, none between them in its favour; for
    want of a lease only if its guard says that nobody's work is there, or says nothing.
    """
    if abs(reading.skew) > policy.max_skew:
        return []
    at = reading.inventory.at
    found = [_reap(h, memory[h.machine_id], probes.get(h.machine_id), at, policy) for h in _ripe(memory, reading, policy)]
    for holding in reading.inventory.machines:
        if holding.power is Power.STOPPING:
            found.append(_hasten(memory[holding.machine_id], holding.machine_id, at, policy))
        elif holding.power in _UP and 0 <= at - holding.launched_at - policy.max_uptime < policy.longest_job:
            found.append(_too_long(holding, policy))
    return [verdict for verdict in found if verdict is not None]


def pause(memory: Mapping[str, Watched], reading: Reading, policy: ReaperPolicy) -> float:
    """Seconds until the next reading: a period, or half of one when a second look is due or a lease ends before."""
    if any(watched.due_since is not None and watched.ending_since is None for watched in memory.values()):
        return policy.period / 2
    at = reading.inventory.at
    ends = (covered_until(h, at, policy) - at + TICK for h in reading.inventory.machines if h.power in _UP)
    return max(policy.period / 2, min(policy.period, *(end for end in ends if end > 0), policy.period))


def _held_for(curfew: Curfew, at: float, seconds: float) -> bool:
    """Whether the curfew has been on for so long without a break."""
    return curfew.active(at) and curfew.active(at - seconds) and curfew.next_change(at - seconds) > at


def _ripe(memory: Mapping[str, Watched], reading: Reading, policy: ReaperPolicy) -> Iterable[Holding]:
    """Machines that should not run by this reading and by one at least half a period before it."""
    for holding in reading.inventory.machines:
        since = memory[holding.machine_id].due_since if holding.power in _UP else None
        if since is not None and reading.inventory.at - since >= policy.period / 2 - TICK:
            yield holding


def _reap(holding: Holding, watched: Watched, probe: Probe | None, at: float, policy: ReaperPolicy) -> Verdict | None:
    why = cause(holding, at, policy)
    name = f"Machine {holding.machine_id}"
    if why is Cause.LEASE:
        match probe:
            case None:
                return None
            case Probe.WORKING:
                sentence = f"{name} had no lease any more, but somebody's work is on it: it was given a new one."
                return Verdict(
                    Deed.RENEW, holding.machine_id, sentence, lease_until=at + policy.renewal, hold_until=holding.hold_until
                )
            case Probe.EMPTY:
                sentence = f"{name} was awake without a lease, and nobody's work was on it: it was told to stop."
            case Probe.SILENT:
                sentence = f"{name} was awake without a lease, and its guard did not answer: it was told to stop."
    elif why is Cause.UPTIME:
        sentence = f"{name} has been awake for longer than any machine may be: it was told to stop. {_REPEATED}"
    else:
        sentence = f"{name} was still awake in the curfew: it was told to stop. {_REPEATED}"
    late = watched.ending_since is not None and at - watched.ending_since >= policy.stop_deadline
    return Verdict(Deed.FORCE if late else Deed.STOP, holding.machine_id, sentence, alarm=late)


def _hasten(watched: Watched, machine_id: str, at: float, policy: ReaperPolicy) -> Verdict | None:
    """A stop that takes too long is forced, and again, each time after the deadline."""
    waited_since = watched.forced_at or watched.ending_since or at
    if at - waited_since < policy.stop_deadline:
        return None
    if watched.forced_at is None:
        return Verdict(Deed.FORCE, machine_id, f"Machine {machine_id} takes too long to stop: its stop was forced.")
    stuck = f"Machine {machine_id} does not stop although it was forced. Look at it in the cloud's console; others can be woken."
    return Verdict(Deed.FORCE, machine_id, stuck, alarm=True)


def _too_long(holding: Holding, policy: ReaperPolicy) -> Verdict:
    hours = f"{policy.max_uptime / 3600:g} h"
    said = f"Machine {holding.machine_id} has been awake for longer than {hours}. It is stopped when its last picture is done."
    return Verdict(Deed.SAY, holding.machine_id, said, alarm=True)


_REPEATED = "A picture it was painting is painted again."
