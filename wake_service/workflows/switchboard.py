"""Who listens for which prompts, and what they get. A slow client delays no other: everybody has a buffer of her own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from wake_service.workflows.frames import Frame, Kind

#: Previews that may wait for a client; beyond that the oldest goes.
WAITING_PREVIEWS = 4
#: A client that is this far behind is cut off: it connects again and finds in the history what it missed. In bytes.
MOST_WAITING = 256 * 1024 * 1024
#: Results that wait for a client that is away, in bytes and for so long, in seconds: then they are in the history only.
MOST_KEPT = 64 * 1024 * 1024
KEPT_SECONDS = 900.0


class Line:
    """One client's connection: what waits to be sent."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        #: Whether the client knows headers on pictures (it said so).
        self.headers = False
        self._step_before: Frame | None = None
        self._waiting: deque[Frame] = deque()
        self._previews = 0
        self._bytes = 0
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, frame: Frame) -> None:
        """Never waits. A picture in the older form names no step, so it follows the step's own frame, which comes after it."""
        if frame.kind is Kind.PREVIEW and frame.plain is not None and not self.headers:
            self._step_before = frame
            return
        self._put(frame)
        if frame.step and self._step_before is not None:
            preview, self._step_before = self._step_before, None
            self._put(preview)

    def _put(self, frame: Frame) -> None:
        if self._closed:
            return
        if frame.kind is Kind.PREVIEW:
            if self._previews >= WAITING_PREVIEWS:
                self._drop_oldest_preview()
            self._previews += 1
        self._waiting.append(frame)
        self._bytes += frame.size
        if self._bytes > MOST_WAITING:
            return self.close()
        self._changed.set()

    async def take(self) -> Frame | None:
        """The next frame, as soon as there is one; None when the connection is to end."""
        while not self._waiting and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        if self._closed:
            return None
        frame = self._waiting.popleft()
        self._bytes -= frame.size
        self._previews -= frame.kind is Kind.PREVIEW
        return frame

    def close(self) -> None:
        """It is to end: another connection has its name, or it is too far behind."""
        self._closed = True
        self._changed.set()

    @property
    def closed(self) -> bool:
        """Whether it is to end."""
        return self._closed

    def rest(self) -> list[Frame]:
        """Results that were not sent."""
        return [frame for frame in self._waiting if frame.kind is Kind.RESULT]

    def _drop_oldest_preview(self) -> None:
        for index, frame in enumerate(self._waiting):
            if frame.kind is Kind.PREVIEW:
                del self._waiting[index]
                self._bytes -= frame.size
                self._previews -= 1
                return


class Switchboard:
    """Connects prompts with the sockets of their artists. `now` is the time in epoch seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines: dict[str, dict[str, Line]] = {}
        self._kept: dict[tuple[str, str], deque[tuple[float, Frame]]] = {}

    def connect(self, artist_id: str, client_id: str) -> Line:
        """A client's new connection: it takes the place of the one before, and gets the results that were made meanwhile."""
        lines = self._lines.setdefault(artist_id, {})
        former = lines.pop(client_id, None)
        line = lines[client_id] = Line(client_id)
        if former is not None:
            former.close()
            for frame in former.rest():
                line.put(frame)
        for _, frame in self._kept.pop((artist_id, client_id), ()):
            line.put(frame)
        self._forget_old()
        return line

    def disconnect(self, artist_id: str, line: Line) -> None:
        """A connection has ended; results that it did not send wait for the next one."""
        lines = self._lines.get(artist_id, {})
        if lines.get(line.client_id) is not line:
            return
        del lines[line.client_id]
        if not lines:
            del self._lines[artist_id]
        for frame in line.rest():
            self._keep(artist_id, line.client_id, frame)

    def publish(self, artist_id: str, client_id: str | None, frame: Frame) -> None:
        """To the client of that name; without a name, to all of hers."""
        if client_id is None:
            return self.broadcast(artist_id, frame)
        line = self._lines.get(artist_id, {}).get(client_id)
        if line is not None:
            line.put(frame)
        elif frame.kind is Kind.RESULT:
            self._keep(artist_id, client_id, frame)

    def broadcast(self, artist_id: str, frame: Frame) -> None:
        """To all of an artist's clients."""
        for line in self.lines(artist_id):
            line.put(frame)

    def lines(self, artist_id: str) -> Iterator[Line]:
        """An artist's connections."""
        return iter(list(self._lines.get(artist_id, {}).values()))

    def artists(self) -> list[str]:
        """Who has a connection."""
        return list(self._lines)

    def close(self) -> None:
        """Ends every connection."""
        for artist_id in list(self._lines):
            for line in self.lines(artist_id):
                line.close()

    def _keep(self, artist_id: str, client_id: str, frame: Frame) -> None:
        self._forget_old()
        kept = self._kept.setdefault((artist_id, client_id), deque())
        kept.append((self._now(), frame))
        while sum(each.size for _, each in kept) > MOST_KEPT:
            kept.popleft()

    def _forget_old(self) -> None:
        before = self._now() - KEPT_SECONDS
        for key in [key for key, kept in self._kept.items() if kept and kept[-1][0] < before]:
            del self._kept[key]
