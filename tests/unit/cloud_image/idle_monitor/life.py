"""A machine's life in simulated time: what happens on it, and a monitor that watches as the real one does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from hypothesis import strategies as st

from cloud_image.idle_monitor import history
from cloud_image.idle_monitor.clock import Clock
from cloud_image.idle_monitor.policy import Policy
from cloud_image.idle_monitor.sampler import Awake, Sampler
from cloud_image.idle_monitor.signals.base import Signal
from cloud_image.idle_monitor.verdict import Now, Said, Sample, Sign, Verdict, verdict, watch_for

PERIOD, STEP, GAP = 60.0, 20.0, 3.0
POLICY = Policy(window=300.0, boot_seconds=120.0, missing_seconds=180.0, blink=30.0)
LONGEST_LEASE = 900
#: After so much quiet the machine must have stopped whatever came before.
ENOUGH = POLICY.window + POLICY.missing_seconds + POLICY.boot_seconds + LONGEST_LEASE + 2 * PERIOD
EPOCH = 1_800_000_000.0


class Watch(Enum):
    """What becomes of the monitor in a stretch. `LOST`: it begins anew, without its memory."""

    RUNS = auto()
    DEAD = auto()
    LOST = auto()
    SUSPENDED = auto()


@dataclass(frozen=True)
class Stretch:
    """Some time in which nothing changes. `jump`: the clock is set by so much as it begins; `lease`: one is written then, for
    so long."""

    seconds: int
    says: tuple[Said, ...]
    watch: Watch = Watch.RUNS
    jump: int = 0
    lease: int | None = None


@dataclass(frozen=True)
class Placed:
    """A stretch where it lies in the machine's life."""

    begin: float
    end: float
    stretch: Stretch

    @property
    def busy(self) -> bool:
        return self.stretch.watch is not Watch.SUSPENDED and Said.BUSY in self.stretch.says

    @property
    def missing(self) -> bool:
        return Said.MISSING in self.stretch.says

    @property
    def unwatched(self) -> bool:
        return self.stretch.watch in (Watch.DEAD, Watch.SUSPENDED)


class Died(Exception):
    """The monitor ended in the middle of its work."""


class LifeClock(Clock):
    """Goes through the stretches; whoever sleeps into one that is not watched finds out."""

    def __init__(self, placed: Sequence[Placed]) -> None:
        self._placed, self._at, self._boot = placed, -1, 0.0
        self._slept = 0.0
        self._wall = EPOCH

    @property
    def here(self) -> Placed:
        return self._placed[self._at]

    def boot(self) -> float:
        return self._boot

    def wall(self) -> float:
        return self._wall + self._boot

    def slept(self) -> float:
        return self._slept

    def sleep(self, seconds: float) -> None:
        self._boot += seconds
        self.settle()

    def settle(self) -> None:
        """Enters the stretch that the time has come to; jumps over suspends."""
        while self._at < 0 or (self._boot >= self.here.end and self._at + 1 < len(self._placed)):
            self._at += 1
            self._wall += self.here.stretch.jump
            if self.here.stretch.watch is Watch.SUSPENDED:
                self._slept += self.here.end - self.here.begin
                self._boot = max(self._boot, self.here.end)
            elif self.here.stretch.watch in (Watch.DEAD, Watch.LOST):
                raise Died

    def revive(self) -> None:
        """The time at which a monitor runs again."""
        if self.here.stretch.watch is Watch.DEAD:
            self._boot = self.here.end
            self.settle()


class LifeSignal(Signal):
    """Says what the stretch says in its place."""

    def __init__(self, number: int, clock: LifeClock) -> None:
        self.name, self._number, self._clock = f"signal {number}", number, clock

    def read(self, now: float) -> Sign:
        return Sign(self.name, self._clock.here.stretch.says[self._number], "…")


@dataclass(frozen=True)
class Look:
    """A verdict, and when it was. `raw`: all samples that the monitor has taken in its present memory."""

    at: float
    now: Now
    found: Verdict
    raw: tuple[Sample, ...]
    samples: tuple[Sample, ...]


def placed(stretches: Sequence[Stretch], last: Stretch) -> list[Placed]:
    found, begin = [], 0.0
    for stretch in [*stretches, last]:
        found.append(Placed(begin, begin + stretch.seconds, stretch))
        begin += stretch.seconds
    return found


def lived(life: Sequence[Placed]) -> Iterator[Look]:
    """Every verdict until the machine stops or its life is over."""
    clock = LifeClock(life)
    sampler = Sampler([LifeSignal(number, clock) for number in range(len(life[0].stretch.says))], clock, STEP, POLICY.blink)
    awake, samples, raw = Awake(0.0, 0.0), [], []
    while clock.boot() < life[-1].end:
        try:
            clock.settle()
            before = verdict(samples, _now(life, clock, awake), POLICY)
            sample = sampler.watch(watch_for(before, clock.boot(), PERIOD), awake)
            samples = history.extended(samples, sample, POLICY)
            raw = [*raw, sample]
            now = _now(life, clock, awake)
            found = verdict(samples, now, POLICY)
            yield Look(clock.boot(), now, found, tuple(raw), tuple(samples))
            if found.stop_now:
                return
            clock.sleep(GAP)
        except Died:
            samples = history.of_json(json.loads(json.dumps(history.as_json(samples))))
            while clock.here.stretch.watch in (Watch.DEAD, Watch.LOST):
                if clock.here.stretch.watch is Watch.LOST:
                    awake, samples, raw = Awake(0.0, clock.slept()), [], []
                    break
                try:
                    clock.revive()
                except Died:
                    continue


def _now(life: Sequence[Placed], clock: LifeClock, awake: Awake) -> Now:
    return Now(clock.boot(), clock.wall(), awake.since, _lease_ends(life, clock.boot()))


def _lease_ends(life: Sequence[Placed], at: float) -> float | None:
    """When the lease ends that was written last. terms.py keeps it from the wall clock, and has tests of its own."""
    leases = [part.begin + part.stretch.lease for part in life if part.begin <= at and part.stretch.lease is not None]
    return leases[-1] if leases else None


def stopped_at(life: Sequence[Placed]) -> float | None:
    """When the machine stopped; None if it never did."""
    at = None
    for look in lived(life):
        at = look.at if look.found.stop_now else None
    return at


SAYS = st.tuples(*[st.sampled_from([Said.IDLE, Said.IDLE, Said.BUSY, Said.MISSING])] * 2)
JUMPS = st.sampled_from([0, 0, 0, 3600, -3600, 864_000, -864_000])
LEASES = st.sampled_from([None, None, 0, 400, LONGEST_LEASE])
#: Work is not shorter than two readings are apart, and nobody is dead for less than a blink; a suspend may be short.
AWAKE = st.builds(
    Stretch,
    seconds=st.integers(40, 700),
    says=SAYS,
    watch=st.sampled_from([Watch.RUNS, Watch.RUNS, Watch.RUNS, Watch.DEAD, Watch.LOST]),
    jump=JUMPS,
    lease=LEASES,
)
SUSPENDED = st.builds(Stretch, seconds=st.integers(2, 700), says=SAYS, watch=st.just(Watch.SUSPENDED), jump=JUMPS, lease=LEASES)
STRETCHES = st.lists(st.one_of(AWAKE, AWAKE, AWAKE, AWAKE, SUSPENDED), max_size=6)
LAST = st.builds(
    Stretch,
    seconds=st.just(int(ENOUGH)),
    says=st.tuples(*[st.sampled_from([Said.IDLE, Said.IDLE, Said.MISSING, Said.ABSENT])] * 2),
)
LIVES = st.builds(placed, STRETCHES, LAST)
