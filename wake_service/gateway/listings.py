"""One reading of the database for all who ask for the same thing at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Listings(Generic[T]):
    """Who asks while a reading is under way gets what the next one finds, so that nobody is told less than was stored before
    the question."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[T]] = {}
        self._next: dict[str, asyncio.Future[T]] = {}

    async def get(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """What a reading finds that begins after this call. Raises what it raises."""
        following = self._next.get(key)
        if following is None:
            begun = asyncio.ensure_future(self._after(self._under_way.get(key), key, read))
            begun.add_done_callback(_seen)
            following = self._next[key] = begun
        return await asyncio.shield(following)

    async def _after(self, before: asyncio.Future[T] | None, key: str, read: Callable[[], Awaitable[T]]) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            if key not in self._next:
                del self._under_way[key]


def _seen(done: asyncio.Future[T]) -> None:
    """That it failed was heard by those who asked, if they are still there."""
    if not done.cancelled():
        done.exception()
