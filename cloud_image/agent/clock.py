"""Time and threads, handed in: everything here that waits takes a Clock, everything that blocks runs beside the loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
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


async def beside(work: Callable[[], T]) -> T:
    """What `work` gives, run in a thread of its own; raises what it raises.

    The thread is a daemon's: a driver or a disk that never answers holds up neither the loop nor the end of the process, which
    the loop's own pool of threads would.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[], None]) -> None:
        if not future.done():
            put()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001  (handed to whoever waits)
            put: Callable[[], None] = lambda error=error: future.set_exception(error)  # type: ignore[misc]  # noqa: E731
        else:
            put = lambda: future.set_result(value)  # noqa: E731
        try:
            loop.call_soon_threadsafe(settle, put)
        except RuntimeError:
            return  # the loop has ended meanwhile: nobody waits any more

    threading.Thread(target=run, daemon=True, name="beside").start()
    return await future
