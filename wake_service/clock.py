"""Time, handed in. Everything that decides takes `now`; everything that waits takes a `Clock`."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Wall time and waiting."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds` of this clock."""


class SystemClock:
    """The computer's own clock."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that a test moves: `await clock.advance(30)` wakes every sleeper that is due, in order."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), next(self._order), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Moves time forward, stopping at each sleeper on the way so that what it does happens at its own time."""
        until = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, waiter = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not waiter.done():
                waiter.set_result(None)
            await settle()
        self._now = until
        await settle()


async def within(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """What `work` gives, if it does so in `seconds` of this clock; else it is cancelled. Raises TimeoutError."""
    tasks = working, timer = asyncio.ensure_future(work), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise TimeoutError
        return working.result()
    finally:
        working.cancel()
        timer.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settle(turns: int = 20) -> None:
    """Lets everything that can run without time passing run (a bounded number of event-loop turns)."""
    for _ in range(turns):
        await asyncio.sleep(0)


def iso(moment: float) -> str:
    """`2026-11-20T10:00:00.123Z` for a moment in epoch seconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
