"""A machine in a folder, a clock that a test moves, and a world that only notes what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloud_image.errors import MachineError
from cloud_image.idle_monitor.clock import Clock
from cloud_image.idle_monitor.monitor import Monitor
from cloud_image.idle_monitor.policy import Policy
from cloud_image.idle_monitor.signals.base import Signal
from cloud_image.idle_monitor.state import Boot
from cloud_image.idle_monitor.tags import Lease
from cloud_image.idle_monitor.world import Report, World
from cloud_image.paths import Paths

POLICY = Policy(window=300.0, boot_seconds=120.0, missing_seconds=180.0, blink=30.0)


@dataclass
class HandClock(Clock):
    """Goes on only when somebody sleeps; `at` is called with every new moment."""

    now: float = 1000.0
    suspended: float = 0.0
    epoch: float = 1_800_000_000.0
    at: Callable[[float], None] = lambda now: None

    def boot(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.epoch + self.now

    def slept(self) -> float:
        return self.suspended

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.at(self.now)


class Off(Exception):
    """The machine is off, and nothing runs on it any more."""


@dataclass
class NotedWorld(World):
    """Notes what is done. `refuses`: ways that fail; `deaf`: ways after which the machine still runs."""

    deeds: list[str] = field(default_factory=list)
    refuses: Sequence[str] = ()
    deaf: Sequence[str] = ()
    shutting_down: bool = False
    untold: str = ""
    before: Callable[[], None] = lambda: None

    def power_off(self) -> None:
        self._do("power off")

    def stop_from_outside(self) -> None:
        self._do("stop from outside")

    def power_off_at_once(self) -> None:
        self._do("power off at once")

    def stopping(self) -> bool:
        return self.shutting_down

    def report(self, busy: bool) -> Report:
        self.deeds.append(f"busy {int(busy)}")
        return NotedReport(self.untold)

    def _do(self, deed: str) -> None:
        self.before()
        self.deeds.append(deed)
        if deed in self.refuses:
            raise MachineError(f"{deed}: not today.")
        if deed not in self.deaf:
            raise Off

    @property
    def stops(self) -> list[str]:
        return [deed for deed in self.deeds if not deed.startswith("busy")]

    @property
    def reports(self) -> list[str]:
        return [deed for deed in self.deeds if deed.startswith("busy")]


@dataclass
class NotedReport(Report):
    untold: str

    def finish(self) -> str:
        return self.untold


@dataclass
class Machine:
    """All of it. Its settings are POLICY, a reading every 20 s, and 3 s between the closing of the door and the last look."""

    root: Path
    signals: list[Signal]
    clock: HandClock = field(default_factory=HandClock)
    world: NotedWorld = field(default_factory=NotedWorld)
    said: list[str] = field(default_factory=list)
    lease: Callable[[], float | None] | None = None
    boot: Boot = field(default_factory=lambda: Boot("this", 0.0))

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    def monitor(self) -> Monitor:
        """A new process of it."""
        self.paths.door.mkdir(parents=True, exist_ok=True)
        lease, boot = Lease(self.lease), self.boot
        return Monitor(self.paths, POLICY, 20.0, 3.0, self.signals, lease, boot, self.clock, self.world, self.said.append)

    def run(self, periods: int) -> bool:
        """Runs so many periods, each in a process of its own; whether the machine is off then."""
        try:
            for _ in range(periods):
                self.monitor().period(57.0)
                self.clock.sleep(3.0)
        except Off:
            return True
        return False
