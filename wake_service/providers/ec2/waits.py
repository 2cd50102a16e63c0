"""Waiting on a clock that is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from wake_service.clock import Clock
from wake_service.errors import ProviderTimeout

T = TypeVar("T")


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T], late: str) -> T:
    """What `work` gives, if it does so in time; else it is cancelled, and ProviderTimeout says `late`."""
    working = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({working, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ProviderTimeout(late)
        return working.result()
    finally:
        await _end(working, timer)


async def pause(clock: Clock, seconds: float, event: asyncio.Event) -> bool:
    """Waits for so long, or until the event is set; whether it is."""
    if seconds > 0 and not event.is_set():
        waiting, timer = asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait({waiting, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(waiting, timer)
    return event.is_set()


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
