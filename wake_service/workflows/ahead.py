"""Uploads that go to an awake engine as they arrive, so that the prompt which needs them need not wait for that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from wake_service.background import Background
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError, StorageError
from wake_service.workflows import naming

log = logging.getLogger(__name__)

#: What is on its way at once, in bytes of memory; what comes beside that goes with its prompt.
MOST_ON_THE_WAY = 32 * 1024 * 1024


class Uploads:
    """What each engine has of artists' uploads, by our name for them (`naming.input_name`), and what is on its way there.

    An engine that was restarted or wiped is another client's, of which nothing is known.
    """

    def __init__(self) -> None:
        self._there: WeakKeyDictionary[EngineClient, dict[str, str]] = WeakKeyDictionary()
        self._coming: WeakKeyDictionary[EngineClient, dict[str, asyncio.Future[None]]] = WeakKeyDictionary()
        self._bytes = 0
        self._background = Background(log)

    async def bring(self, client: EngineClient, name: str, read: Callable[[], Awaitable[bytes]]) -> str:
        """The engine's name for an upload that it has when this returns. Raises EngineError, or what `read` raises."""
        if (coming := self._coming.get(client, {}).get(name)) is not None:
            await asyncio.wait({coming})
        there = self._there.setdefault(client, {})
        if name not in there:
            there[name] = await client.upload_image(name, await read(), subfolder=naming.OURS)
        return there[name]

    def send_ahead(self, client: EngineClient, name: str, data: bytes, wanted: Callable[[], Awaitable[bool]]) -> bool:
        """Begins to send an upload, if it is `wanted`; whether it has begun. When it fails, the upload comes with its prompt."""
        known = name in self._there.get(client, {}) or name in self._coming.get(client, {})
        if known or self._bytes + len(data) > MOST_ON_THE_WAY:
            return False
        self._bytes += len(data)
        self._coming.setdefault(client, {})[name] = self._background.spawn(self._send(client, name, data, wanted))
        return True

    async def settled(self) -> None:
        """Returns when nothing is on its way."""
        while self._bytes:
            await asyncio.wait([future for coming in self._coming.values() for future in coming.values()])

    async def stop(self) -> None:
        """Lets go of what is on its way."""
        await self._background.cancel()

    async def _send(self, client: EngineClient, name: str, data: bytes, wanted: Callable[[], Awaitable[bool]]) -> None:
        try:
            if await wanted():
                there = self._there.setdefault(client, {})
                there[name] = await client.upload_image(name, data, subfolder=naming.OURS)
        except (EngineError, StorageError) as error:
            log.info("An upload did not reach its engine ahead of its prompt; it is sent with it: %s", error)
        finally:
            self._bytes -= len(data)
            self._coming[client].pop(name, None)
