"""One bar for the whole way of a picture. Pure: time comes in as a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

#: The way of a picture, with the seconds each part takes when nothing better is known.
PHASES = {"sending": 1.0, "waking": 60.0, "waiting": 5.0, "models": 6.0, "sampling": 10.0, "saving": 1.0, "inserting": 0.5}
#: Time alone moves the bar at most this far through a phase: the rest is for news.
_BY_TIME = 0.95


@dataclass(frozen=True)
class Progress:
    """How far a picture is. Never goes back: entering a phase lays the rest of the bar out anew over what is still to come.

    `start`: where the bar stood when the phase began; `share`: how much of the bar the phase gets; `since`: when it began and
    `expected`: how long it should take, in seconds; `inner`: the part of the phase that is known to be done, 0 to 1.
    """

    phase: str = "sending"
    start: float = 0.0
    share: float = 0.0
    since: float = 0.0
    expected: float = PHASES["sending"]
    inner: float = 0.0

    @classmethod
    def begin(cls, now: float, *, asleep: bool, wake_seconds: float | None = None) -> Progress:
        """At the click. `asleep`: whether a machine will have to wake first."""
        return cls(since=now).entered("sending", now, skip=() if asleep else ("waking",), seconds_of={"waking": wake_seconds})

    def entered(
        self,
        phase: str,
        now: float,
        *,
        seconds: float | None = None,
        skip: tuple[str, ...] = (),
        seconds_of: dict[str, float | None] | None = None,
    ) -> Progress:
        """In another phase (or the same one with a better estimate). `seconds`: how long it should still take."""
        if phase == self.phase and self.share and seconds is None:
            return self
        position = self.fraction(now)
        expected = max(0.1, seconds if seconds is not None else (seconds_of or {}).get(phase) or PHASES[phase])
        if phase == self.phase and self.share:
            return self._with_estimate(now, expected)
        names = list(PHASES)
        later = [name for name in names[names.index(phase) + 1 :] if name not in skip]
        to_come = sum((seconds_of or {}).get(name) or PHASES[name] for name in later)
        share = (1.0 - position) * expected / (expected + to_come)
        return Progress(phase, position, share, now, expected)

    def reached(self, inner: float, now: float) -> Progress:
        """So much of the phase is done, as a part of 1."""
        del now
        return replace(self, inner=max(self.inner, min(1.0, inner)))

    def fraction(self, now: float) -> float:
        """Where the bar stands, 0 to 1."""
        by_time = 0.0 if self.phase == "sampling" else min(_BY_TIME, max(0.0, now - self.since) / self.expected)
        return min(1.0, self.start + self.share * max(self.inner, by_time))

    def elapsed(self, now: float) -> float:
        """Seconds in this phase."""
        return max(0.0, now - self.since)

    def _with_estimate(self, now: float, left: float) -> Progress:
        """Only the pace changes, so that the bar neither jumps nor turns back."""
        done = max(self.inner, min(_BY_TIME, (now - self.since) / self.expected))
        total = (now - self.since) + left
        return replace(self, inner=done, expected=max(0.1, total))


@dataclass(frozen=True)
class Course:
    """One bar for all that is under way at once. What joins or leaves lays the rest of the bar out anew: it never turns back.

    `known`: the pictures the bar is about, those that are done included; `start`: where it stood when that changed last, and
    `whole`: the mean of their own bars then.
    """

    known: frozenset[str] = frozenset()
    start: float = 0.0
    whole: float = 0.0
    shown: float = 0.0

    def at(self, fractions: Mapping[str, float]) -> Course:
        """With how far each picture is that is still under way; without any, the course is over."""
        if not fractions:
            return Course()
        known = self.known | frozenset(fractions)
        whole = sum(fractions.get(key, 1.0) for key in known) / len(known)
        if known != self.known:
            start = self.shown if self.known else whole
            return Course(known, start, whole, start)
        left = 1.0 - self.whole
        part = (whole - self.whole) / left if left > 0 else 1.0
        return replace(self, shown=min(1.0, max(self.shown, self.start + (1.0 - self.start) * part)))
