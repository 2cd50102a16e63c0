"""Who listens, and what they get. Durable events are never dropped; what is only of the moment is, when a reader is slow."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass

#: Frames that may wait for a reader; beyond that only durable ones are kept.
MAX_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to an artist. `seq` is None for present state and previews (which are bytes and not text)."""

    body: bytes
    seq: int | None = None
    binary: bool = False
    machine: bool = False


class Subscription:
    """One listener's waiting frames."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._changed = asyncio.Event()
        self.overrun = False

    def put(self, frame: Frame) -> None:
        """Never waits. A reader that is too far behind for durable frames is marked as overrun and gets nothing more."""
        if self.overrun:
            return
        if len(self._frames) >= MAX_WAITING:
            if frame.seq is None:
                return
            self._frames = deque(kept for kept in self._frames if kept.seq is not None)
            self.overrun = len(self._frames) >= MAX_WAITING
        self._frames.append(frame)
        self._changed.set()

    async def get(self) -> Frame:
        """The next frame, as soon as there is one."""
        while not self._frames:
            self._changed.clear()
            await self._changed.wait()
        return self._frames.popleft()

    def __len__(self) -> int:
        return len(self._frames)


class Hub:
    """Hands frames to everyone who listens for an artist."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Subscription]] = defaultdict(set)

    def subscribe(self, artist_id: str) -> Subscription:
        """Starts listening; everything published from now on is waiting in the subscription."""
        subscription = Subscription()
        self._listeners[artist_id].add(subscription)
        return subscription

    def unsubscribe(self, artist_id: str, subscription: Subscription) -> None:
        """Stops listening."""
        self._listeners[artist_id].discard(subscription)
        if not self._listeners[artist_id]:
            del self._listeners[artist_id]

    def publish(self, artist_id: str, frame: Frame) -> None:
        """To one artist's listeners."""
        for subscription in self._listeners.get(artist_id, ()):
            subscription.put(frame)

    def broadcast(self, frame: Frame) -> None:
        """To everybody's listeners."""
        for subscriptions in self._listeners.values():
            for subscription in subscriptions:
                subscription.put(frame)

    def listening(self) -> list[str]:
        """Artists who have a listener now."""
        return list(self._listeners)
