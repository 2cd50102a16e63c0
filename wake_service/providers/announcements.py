"""What machines announce, on its way to the one who watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from wake_service.providers.base import Sighting


class Announcements:
    """A line of sightings with at most one reader. What is said while nobody reads is dropped; `machines()` knows the present."""

    def __init__(self) -> None:
        self._line: asyncio.Queue[Sighting | None] | None = None
        self._closed = False

    def say(self, sighting: Sighting) -> None:
        """Hands a sighting to the reader, if there is one."""
        if self._line is not None:
            self._line.put_nowait(sighting)

    def watch(self) -> AsyncIterator[Sighting]:
        """Sightings from this call on (not from the first read); a reader from before comes to its end."""
        self._end()
        line: asyncio.Queue[Sighting | None] = asyncio.Queue()
        if self._closed:
            line.put_nowait(None)
        else:
            self._line = line
        return _read(line)

    def close(self) -> None:
        """The reader gets what was said so far, and then the end."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        if self._line is not None:
            self._line.put_nowait(None)
            self._line = None


async def _read(line: asyncio.Queue[Sighting | None]) -> AsyncIterator[Sighting]:
    while (sighting := await line.get()) is not None:
        yield sighting
