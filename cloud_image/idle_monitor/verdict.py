"""Whether anybody needs this machine, from what was seen of it. Pure: samples in, verdict out.

Moments called `begin`, `end`, `worked`, `boot` are seconds of the clock that counts from the boot on, suspends included, and
that nobody can set (CLOCK_BOOTTIME). `wall` is the epoch's, and only told to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from .policy import Policy

#: Two clocks that run evenly do not drift apart by so much between two samples, even if one is being slewed.
CLOCK_TOLERANCE = 5.0
#: A sample that began so soon after the boot is of the minute in which the machine booted.
BOOTED_SECONDS = 120.0


class Said(StrEnum):
    """What a signal says. `absent`: this machine has no such thing, such as a GPU; others decide."""

    BUSY = "busy"
    IDLE = "idle"
    MISSING = "missing"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Sign:
    """What one signal said, and why, for people. `level` orders two of the same signal; `since` is from when on it has said
    so without a break."""

    signal: str
    said: Said
    sentence: str
    level: float = 0.0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen from `begin` to `end`, all of it watched. `wall` is that of `end`.

    `worked` is when work was last seen, or could still have been there: never before the work's true end. None without any.
    """

    begin: float
    end: float
    wall: float
    signs: tuple[Sign, ...]
    worked: float | None = None

    def of(self, said: Said) -> list[Sign]:
        """The signs that say this."""
        return [sign for sign in self.signs if sign.said is said]


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of a verdict. `awake_since`: the boot, or the end of the last suspend. `lease_ends`: when the lease ends
    that the machine was last known to have; None when it never had one."""

    boot: float
    wall: float
    awake_since: float
    lease_ends: float | None = None

    def wall_of(self, boot: float) -> float:
        """A moment by the wall clock, as it goes now."""
        return self.wall + boot - self.boot


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the samples.

    `because`: all that keeps it awake, in sentences. `due`: when it is to stop if everything stays as it is; `sleeps_at` is
    the same by the wall clock, None while something keeps it awake. `suspicious`: what happened to clocks and watching, for
    the log; it is dealt with.
    """

    busy: bool
    because: tuple[str, ...]
    due: float
    sleeps_at: float | None
    stop_now: bool
    suspicious: tuple[str, ...] = ()


def verdict(samples: Sequence[Sample], now: Now, policy: Policy) -> Verdict:
    """Whether the machine is needed, and when it is to stop if not.

    It stops when nothing has worked for the window, watched all the time. What counts as work: what any signal calls busy; the
    time after a boot; and time that nobody watched, in which anything may have happened. A missing signal counts as work too,
    but all that is missing postpones the stop by no more than `missing_seconds`; if one is missing still, the lease decides.
    """
    tail = unbroken(samples, now.boot, policy)
    graced = now.awake_since + policy.boot_seconds
    worked = max([graced, *_worked(tail, now)])
    missed = max((sample.end for sample in tail if sample.of(Said.MISSING)), default=worked if tail else now.boot)
    missing = tail[-1].of(Said.MISSING) if tail else [_NOBODY]
    due = min(max(worked, missed) + policy.window, worked + policy.window + policy.missing_seconds)
    leased = False
    if missing and now.lease_ends is not None and now.lease_ends > due:
        leased, due = now.boot >= due, now.lease_ends
    because = [sign.sentence for sign in tail[-1].of(Said.BUSY)] if tail else []
    if now.boot < graced:
        because.append("The machine has just begun to run.")
    if missing and now.boot < due:
        because += [sign.sentence for sign in missing]
    if leased and now.boot < due:
        because.append("What cannot be seen has been missing for too long to wait for it, but the machine's lease still runs.")
    busy = bool(because)
    return Verdict(
        busy=busy,
        because=tuple(because),
        due=due,
        sleeps_at=None if busy else now.wall_of(max(due, now.boot)),
        stop_now=not busy and now.boot >= due,
        suspicious=tuple(_suspicious(samples[-2:], policy)),
    )


def unbroken(samples: Sequence[Sample], boot: float, policy: Policy) -> Sequence[Sample]:
    """The newest samples, as far back as they were watched without a break, up to `boot`; none if the newest is too old."""
    later, first = boot, len(samples)
    for sample in reversed(samples):
        if not 0 <= later - sample.end <= policy.blink:
            break
        later = sample.begin
        first -= 1
    return samples[first:]


def working(sample: Sample, now: Now) -> bool:
    """What the cloud's alarm is told: there is work, a lease or a hold, or the machine has just booted."""
    leased = now.lease_ends is not None and now.lease_ends > now.boot
    return bool(sample.of(Said.BUSY)) or leased or sample.begin - now.awake_since <= BOOTED_SECONDS


def watch_for(found: Verdict, boot: float, period: float) -> float:
    """How long the next sample is: a period, or until the machine is due to stop if that is sooner; one look if it is."""
    return period if found.busy and found.due <= boot else min(period, max(0.0, found.due - boot))


def _worked(tail: Sequence[Sample], now: Now) -> Iterator[float]:
    """When there was work, or could have been: before anybody watched, and until somebody looked again."""
    yield from (sample.begin for sample in tail[:1])
    for place, sample in enumerate(tail):
        looked_again = tail[place + 1].begin if place + 1 < len(tail) else now.boot
        if sample.worked is not None:
            yield looked_again if sample.worked >= sample.end else sample.worked


def _suspicious(newest: Sequence[Sample], policy: Policy) -> Iterator[str]:
    for before, after in pairwise(newest):
        gap = after.begin - before.end
        jump = (after.wall - before.wall) - (after.end - before.end)
        if gap > policy.blink:
            yield f"Nobody watched for {gap:.0f} s: the idle time begins anew."
        if abs(jump) > CLOCK_TOLERANCE:
            yield f"The clock was set {'forward' if jump > 0 else 'back'} by {abs(jump):.0f} s; the idle time does not go by it."


_NOBODY = Sign("monitor", Said.MISSING, "Nobody has watched the machine yet.")
