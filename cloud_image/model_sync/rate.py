"""How fast a sync may read: one allowance for all its threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Rate:
    """At most `bytes_per_second` in all (0: no limit), with bursts of a fifth of a second. Safe in several threads."""

    def __init__(
        self,
        bytes_per_second: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = now()

    def take(self, size: int) -> None:
        """Returns when `size` more bytes may have passed."""
        if not self._rate:
            return
        with self._lock:
            now = self._now()
            # An allowance that was not used is not saved up beyond the burst.
            self._free_at = max(self._free_at, now - 0.2) + size / self._rate
            wait = self._free_at - now
        if wait > 0:
            self._sleep(wait)
