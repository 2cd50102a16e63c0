"""Why the machine is awake, and when it will stop, as a table for people or as JSON."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from ..door import Door
from .monitor import Monitor
from .sampler import Sampler
from .signals.base import seconds_text
from .state import State
from .verdict import Now, Sample, Sign, Verdict, verdict


@dataclass(frozen=True, slots=True)
class Row:
    """A signal as it is now. `since` is from when on it has said the same (epoch seconds)."""

    signal: str
    says: str
    since: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that a verdict stands on. Moments in epoch seconds, durations in seconds; None where there is no such thing."""

    at: float
    signals: Sequence[Row]
    busy: bool
    because: Sequence[str]
    worked_at: float | None
    sleeps_at: float | None
    would_stop_at: float
    watched_at: float | None
    window: float
    boot_grace_until: float
    lease_until: float | None
    door_closed_by: Sequence[str]
    suspicious: Sequence[str]


def explained(monitor: Monitor) -> Explanation:
    """What is known and what can be seen right now; changes nothing. Takes as long as one reading."""
    known = monitor.recall()
    live = Sampler(monitor.signals, monitor.clock, monitor.step, monitor.policy.blink).watch(0.0, known.awake)
    return explanation(monitor, known, live)


def explanation(monitor: Monitor, known: State, live: Sample) -> Explanation:
    """The same from a sample that was just taken. The verdict is that of the last run: the present one is not over yet."""
    now = monitor.now(known)
    last = known.samples[-1] if known.samples else None
    judged = Now(last.end, now.wall_of(last.end), now.awake_since, now.lease_ends) if last else now
    found = verdict(known.samples, judged, monitor.policy)
    worked = [sample.worked for sample in known.samples if sample.worked is not None]
    return Explanation(
        at=now.wall,
        signals=[_row(sign, last, now) for sign in live.signs],
        busy=found.busy,
        because=found.because,
        worked_at=now.wall_of(worked[-1]) if worked else None,
        sleeps_at=found.sleeps_at,
        would_stop_at=now.wall_of(max(found.due, now.boot)),
        watched_at=now.wall_of(last.end) if last else None,
        window=monitor.policy.window,
        boot_grace_until=now.wall_of(now.awake_since + monitor.policy.boot_seconds),
        lease_until=None if now.lease_ends is None else now.wall_of(now.lease_ends),
        door_closed_by=sorted(Door(monitor.paths.door).closers()),
        suspicious=found.suspicious,
    )


def as_fields(found: Explanation) -> Mapping[str, object]:
    """For JSON."""
    return asdict(found)


def as_text(found: Explanation) -> str:
    """For a person: a table, and what will happen when."""
    table = [("SIGNAL", "SAYS", "SINCE", "")]
    table += [(row.signal, row.says, _clock(row.since), row.sentence) for row in found.signals]
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]).rstrip() for line in table
    ]
    return "\n".join([*lines, "", *_future(found)]) + "\n"


def _row(sign: Sign, last: Sample | None, now: Now) -> Row:
    before = next((other for other in last.signs if other.signal == sign.signal), None) if last else None
    since = before.since if before is not None and before.said is sign.said else now.boot
    return Row(sign.signal, sign.said, now.wall_of(since), sign.sentence)


def _future(found: Explanation) -> Iterable[str]:
    window = seconds_text(found.window)
    if found.busy:
        yield f"It is awake because: {' '.join(found.because)}"
        yield f"If all stays as it is now, it stops at {_clock(found.would_stop_at)} at the earliest."
    else:
        left = seconds_text(found.would_stop_at - found.at)
        yield f"Nothing works. It stops at {_clock(found.would_stop_at)}, in {left}; any work begins {window} anew."
    yield f"Work was last seen at {_clock(found.worked_at)}." if found.worked_at else "No work has been seen."
    if found.at < found.boot_grace_until:
        yield f"It has just booted, which counts as work until {_clock(found.boot_grace_until)}."
    if found.lease_until is None:
        yield "It has no lease."
    else:
        yield f"Its lease ends at {_clock(found.lease_until)}, which matters only while a signal is missing for too long."
    if found.door_closed_by:
        yield f"New prompts are refused; the door was closed by: {', '.join(found.door_closed_by)}."
    if found.watched_at is None:
        yield "The idle monitor has not run yet."
    else:
        yield f"The idle monitor last judged at {_clock(found.watched_at)}, {seconds_text(found.at - found.watched_at)} ago."
    yield from found.suspicious


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))


def verdict_text(found: Verdict) -> str:
    """A verdict in one line, for the log."""
    if found.busy:
        return f"The machine is needed. {' '.join(found.because)}"
    return "Nothing works." if found.sleeps_at is None else f"Nothing works; it stops at {_clock(found.sleeps_at)}."
