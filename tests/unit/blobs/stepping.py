"""Lets a test decide which of several things at once takes its next step: one call of the database, the store or the clock."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event

from wake_service.blobs.base import BlobInfo, Data, Ready
from wake_service.blobs.memory import MemoryBlobs
from wake_service.clock import settle
from wake_service.store.store import Haste, Store, Transaction

T = TypeVar("T")
DEADLINE = 30.0


class Steps:
    """Whatever goes through `take` waits until a test lets it; then it acts alone, and the test goes on when it has acted."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self._waiting: list[asyncio.Future[None]] = []
        self._acted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begins with something; it waits at its first step."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    async def take(self, action: Callable[[], Awaitable[T]]) -> T:
        """One step."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            raise
        try:
            return await action()
        finally:
            self._acted.set()

    async def one(self, which: int) -> bool:
        """Lets one of those that wait take its step; False when nobody waits."""
        await settle()
        if self._errors:
            raise self._errors.pop()
        if not self._waiting:
            return False
        self._acted.clear()
        self._waiting.pop(which % len(self._waiting)).set_result(None)
        async with asyncio.timeout(DEADLINE):
            await self._acted.wait()
        await settle()
        return True

    async def all(self) -> None:
        """Lets everybody come to an end, taking turns."""
        while await self.one(0):
            pass

    async def crash(self) -> None:
        """Ends everything where it waits, as a power cut does."""
        await settle()
        for turn in self._waiting:
            turn.cancel()
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settle()


class SteppedClock:
    """A clock on which waiting is a step; time moves by what was waited for, and when the test says so."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def now(self) -> float:
        return self._steps.now

    async def sleep(self, seconds: float) -> None:
        await self._steps.take(lambda: asyncio.sleep(0))
        self._steps.now += seconds


class SteppedStore(Store):
    """A real database whose transactions are steps; the test itself cuts its power, so it need not sync."""

    def __init__(self, path: Path, steps: Steps) -> None:
        super().__init__(f"sqlite:///{path}")
        event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self._steps = steps

    async def write(self, work: Callable[[Transaction], T], haste: Haste = Haste.USUAL) -> T:
        return await self._steps.take(lambda: super(SteppedStore, self).write(work, haste))

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._steps.take(lambda: super(SteppedStore, self).read(work))

    async def at_once(self, work: Callable[[Connection], T]) -> T:
        """A read by the test itself."""
        return await super().read(work)


class SteppedBlobs(MemoryBlobs):
    """Blobs in memory whose changes are steps."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def put(
        self, data: Data, *, sha256: str | None = None, max_bytes: int | None = None, ready: Ready | None = None
    ) -> BlobInfo:
        whole = data if isinstance(data, bytes) else b"".join([chunk async for chunk in data])
        if ready is not None:
            await ready(sha256 or hashlib.sha256(whole).hexdigest())
        return await self._steps.take(lambda: super(SteppedBlobs, self).put(whole, sha256=sha256, max_bytes=max_bytes))

    async def exists(self, sha256: str) -> bool:
        return await self._steps.take(lambda: super(SteppedBlobs, self).exists(sha256))

    async def delete(self, sha256: str) -> bool:
        return await self._steps.take(lambda: super(SteppedBlobs, self).delete(sha256))

    def names(self) -> set[str]:
        """What has bytes now."""
        return set(self._blobs)
