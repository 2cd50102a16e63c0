"""What will happen in the cloud by itself, in order."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import TypeVar

from tests.aws.cloud.present import present
from wake_service.clock import Clock

T = TypeVar("T")


class Timeline:
    """Things that are due at moments of a clock (epoch seconds); each happens once its moment has come, in order of moments.

    They happen at their moment while an event loop runs. Whatever was planned before there was one happens at the first look
    (`catch_up`), which every call to the cloud begins with.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._waiters: set[asyncio.Task[None]] = set()
        self._broken: list[Exception] = []

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Plans something `seconds` from now."""
        self.at(self.clock.now() + seconds, happen)

    def at(self, moment: float, happen: Callable[[], None]) -> None:
        """Plans something for a moment."""
        heapq.heappush(self._due, (moment, next(self._order), happen))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        waiter = loop.create_task(self._wait(moment))
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)

    def catch_up(self) -> None:
        """Lets everything happen whose moment has come."""
        while self._due and self._due[0][0] <= self.clock.now():
            _, _, happen = heapq.heappop(self._due)
            with present(self.clock.now()):
                happen()

    def run(self, happen: Callable[[], T]) -> T:
        """Does something that nobody waits for; what breaks there is raised at the end (`close`) too."""
        try:
            return happen()
        except Exception as error:
            self._broken.append(error)
            raise

    def close(self) -> None:
        """Nothing more happens. Raises what broke when it happened."""
        self._due.clear()
        for waiter in self._waiters:
            if not waiter.get_loop().is_closed():
                waiter.cancel()
        if self._broken:
            raise self._broken[0]

    async def _wait(self, moment: float) -> None:
        await self.clock.sleep(moment - self.clock.now())
        self.run(self.catch_up)
