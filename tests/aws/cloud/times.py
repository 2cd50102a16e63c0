"""How long things take in the cloud."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Times:
    """Seconds of the driven clock; a test may change them at any moment, for what begins from then on.

    The defaults are of the order of a GPU machine that wakes from a stop. `answer` passes before each call is answered,
    `timeout` before a caller gives up on one that is not, `dial` before one gives up on a machine that is not reached.
    `visible` is how long AWS does not know yet what it has just made, `tags` how long it shows tags as they were.
    `forgotten` is when a terminated instance leaves the list.
    """

    pending: float = 8.0
    stopping: float = 30.0
    forced_stopping: float = 5.0
    shutting_down: float = 20.0
    guard: float = 20.0
    booting: float = 4.0
    engine: float = 8.0
    answer: float = 0.0
    timeout: float = 0.0
    dial: float = 0.0
    visible: float = 0.0
    tags: float = 0.0
    forgotten: float = 3600.0
    notice: float = 120.0

    @property
    def wake(self) -> float:
        """From an accepted start until the engine answers."""
        return self.pending + self.guard + self.booting + self.engine
