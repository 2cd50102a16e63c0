"""Everybody who listens: a whole report at once, at every change, and at every heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from .clock import Clock, within
from .obey import Obedience
from .orders import read_order
from .state import State, report
from .wire import HEARTBEAT_SECONDS, Reply, text

log = logging.getLogger(__name__)

#: Replies that one socket may be slow to take; more, and it is given up.
MOST_REPLIES = 64


class SocketSlow(Exception):
    """The other side does not read its replies."""


class Listener:
    """What one socket is to be sent: all replies in order, and of the reports only the newest."""

    def __init__(self) -> None:
        self._replies: deque[str] = deque()
        self._report = ""
        self._due = asyncio.Event()

    def reply(self, text: str) -> None:
        """A reply for this socket alone. Raises SocketSlow."""
        if len(self._replies) >= MOST_REPLIES:
            raise SocketSlow
        self._replies.append(text)
        self._due.set()

    def report(self, text: str) -> None:
        """The newest report."""
        self._report = text
        self._due.set()

    async def next(self) -> str:
        """What is to be sent next."""
        while True:
            if self._replies:
                return self._replies.popleft()
            if self._report:
                text, self._report = self._report, ""
                return text
            self._due.clear()
            await self._due.wait()


class Hub:
    """The listeners of one agent, and what they ask of it."""

    def __init__(
        self,
        state: State,
        obedience: Obedience,
        clock: Clock,
        version: str,
        *,
        beat: Callable[[], None],
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._state = state
        self._obedience = obedience
        self._clock = clock
        self._version = version
        self._beat = beat
        self._heartbeat = heartbeat
        self._listeners: set[Listener] = set()

    @property
    def listeners(self) -> int:
        """How many sockets are open."""
        return len(self._listeners)

    def attach(self) -> Listener:
        """A new socket; a whole report waits for it already."""
        listener = Listener()
        listener.report(self._report())
        self._listeners.add(listener)
        return listener

    def detach(self, listener: Listener) -> None:
        """Its socket has ended."""
        self._listeners.discard(listener)

    async def hear(self, said: str, listener: Listener) -> None:
        """A text from one socket; the reply goes back over it. Raises SocketSlow."""
        order = read_order(said)
        listener.reply(text(order if isinstance(order, Reply) else await self._obedience.answer(order)))

    async def run(self) -> None:
        """Tells everybody, until cancelled."""
        while True:
            self._beat()
            self._state.changed.clear()
            if self._listeners:
                said = self._report()
                for listener in self._listeners:
                    listener.report(said)
            try:
                await within(self._clock, self._heartbeat, self._state.changed.wait())
            except TimeoutError:
                continue

    def _report(self) -> str:
        return text(report(self._state.facts, self._clock.now(), self._version))
