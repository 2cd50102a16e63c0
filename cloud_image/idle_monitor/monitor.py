"""One period of the idle monitor: watch, judge, act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..door import Closer, Door
from ..paths import Paths
from . import history, state
from .clock import Clock
from .policy import Policy
from .sampler import Awake, Sampler
from .signals.base import Signal
from .state import Boot, State
from .stopping import Stopper
from .tags import Lease
from .verdict import Now, Sample, Verdict, verdict, watch_for, working
from .world import Report, World

#: The alarm's metric is wanted once a minute; a run may begin a little early.
REPORT_SECONDS = 50.0


@dataclass(slots=True)
class Monitor:
    """The idle monitor of one machine. `step` and `look_again` are seconds. `say` is its log."""

    paths: Paths
    policy: Policy
    step: float
    look_again: float
    signals: Sequence[Signal]
    lease: Lease
    boot: Boot
    clock: Clock
    world: World
    say: Callable[[str], None]

    def period(self, seconds: float, *, dry: bool = False) -> Verdict:
        """Watches for so long and does what follows; it does not return when the machine stops. `dry`: it says what it would
        do, and touches neither door, machine, verdict nor metric. Raises OSError when its folders cannot be written."""
        known = self.recall()
        if not dry:
            self._reopen_what_a_dead_monitor_closed()
        report = None if dry else self._begin_report(known)
        if known.samples and not dry:
            seconds = watch_for(self.judge(known), self.clock.boot(), seconds)
        self._watch(known, seconds)
        found = self.judge(known)
        self._keep(known, found, dry=dry)
        failure = report.finish() if report else ""
        if failure:
            self.say(failure)
        if not found.stop_now:
            return found
        if dry:
            self.say("The machine would stop now.")
            return found
        return self._stop(known)

    def recall(self) -> State:
        """What is known so far; the signals go on from there."""
        known, flaw = state.load(self._file, self.boot)
        try:
            for signal in self.signals:
                if signal.name in known.memories:
                    signal.recall(known.memories[signal.name])
        except ValueError as error:
            known, flaw = State(Awake(self.boot.at, 0.0)), f"What the idle monitor remembered is damaged: {error}."
        if flaw:
            self.say(flaw)
        if not known.samples:
            self._begin(known)
        self.lease.term = known.lease
        return known

    def judge(self, known: State) -> Verdict:
        """The verdict as of now."""
        return verdict(known.samples, self.now(known), self.policy)

    def now(self, known: State) -> Now:
        """This moment."""
        boot, wall = self.clock.boot(), self.clock.wall()
        return Now(boot, wall, known.awake.since, self.lease.ends(boot=boot, wall=wall))

    @property
    def _file(self) -> Path:
        return self.paths.idle / "state.json"

    @property
    def _door(self) -> Door:
        return Door(self.paths.door)

    def _begin(self, known: State) -> None:
        """The first run after a boot has a report to make; one that has lost its memory knows nothing to report."""
        known.awake.slept = self.clock.slept()
        just_booted = self.clock.boot() - self.boot.at <= self.policy.boot_seconds
        known.unreported = True if just_booted else None

    def _watch(self, known: State, seconds: float) -> Sample:
        awake_since = known.awake.since
        sample = Sampler(self.signals, self.clock, self.step, self.policy.blink).watch(seconds, known.awake)
        if known.awake.since != awake_since:
            self.say("The machine was suspended: the idle time begins anew.")
        known.samples = history.extended(known.samples, sample, self.policy)
        known.unreported = bool(known.unreported) or working(sample, self.now(known))
        return sample

    def _keep(self, known: State, found: Verdict, *, dry: bool) -> None:
        known.memories = {signal.name: signal.memory() for signal in self.signals}
        known.lease = self.lease.term
        state.save(self._file, self.boot, known)
        for sentence in found.suspicious:
            self.say(sentence)
        if not dry:
            published = {"at": self.clock.wall(), "busy": found.busy, "sleeps_at": found.sleeps_at, "because": found.because}
            state.write_json(self.paths.verdict, published)

    def _begin_report(self, known: State) -> Report | None:
        at = self.clock.boot()
        too_soon = known.reported_at is not None and at - known.reported_at < REPORT_SECONDS
        if known.unreported is None or too_soon:
            return None
        report = self.world.report(known.unreported)
        known.reported_at, known.unreported = at, False
        return report

    def _stop(self, known: State) -> Verdict:
        """Closes the door, looks again, and reopens or stops."""
        self._door.close(Closer.MONITOR)
        try:
            self._watch(known, self.look_again)
            found = self.judge(known)
            self._keep(known, found, dry=False)
            if not found.stop_now:
                why = " ".join(found.because) or "There was work a moment ago."
                self.say(f"The machine was about to stop, and goes on: {why}")
                return found
            self.say(f"Nothing has worked for {self.policy.window / 60:g} min: the machine stops.")
            Stopper(self.world, self.clock, self.say).stop()
            return found
        finally:
            self._door.open(Closer.MONITOR)

    def _reopen_what_a_dead_monitor_closed(self) -> None:
        if Closer.MONITOR in self._door.closers() and not self.world.stopping():
            self._door.open(Closer.MONITOR)
            self.say("The door to new prompts was left closed by a monitor that ended too early; it is open again.")
