"""The clocks of a machine that sleeps."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds. `boot` counts from the boot on and through suspends, `slept` is how much of it were suspends; `wall` is the
    epoch's and may be set at any time."""

    def boot(self) -> float:
        """Since the boot."""

    def wall(self) -> float:
        """Since the epoch."""

    def slept(self) -> float:
        """In suspend, since the boot."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock(Clock):
    """The machine's own."""

    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        return time.time()

    def slept(self) -> float:
        return self.boot() - time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
