"""Who listens, and what they are told: ComfyUI's rules for its WebSocket, traps included.

One socket per client id; a message for an id that is not connected is dropped; nothing is replayed; sockets are served one
after another, so one that does not read holds up the others.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from aiohttp import ClientError, WSMsgType, web

log = logging.getLogger(__name__)

Message: TypeAlias = "dict[str, Any] | bytes"


class SocketHub:
    """All connected clients. `post` may be called from any thread, everything else from the event loop."""

    def __init__(self, features: dict[str, Any]) -> None:
        self._features = features
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._client_flags: dict[str, dict[str, Any]] = {}
        self._outbox: asyncio.Queue[tuple[Message, str | None]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def post(self, message: Message, client: str | None) -> None:
        """Puts a message on its way to one client, or to all with None."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._outbox.put_nowait, (message, client))

    def wants_metadata(self, client: str | None) -> bool:
        """Whether the client announced that it understands previews with metadata."""
        return bool(self._client_flags.get(client or "", {}).get("supports_preview_metadata"))

    async def publish(self) -> None:
        """Sends what was posted, in order, until cancelled."""
        while True:
            message, client = await self._outbox.get()
            if client is None:
                receivers = list(self._sockets.values())
            else:
                receivers = [self._sockets[client]] if client in self._sockets else []
            for socket in receivers:
                await _send(socket, message)

    async def serve(self, request: web.Request, greet: Callable[[str], list[dict[str, Any]]]) -> web.WebSocketResponse:
        """One client's connection from upgrade to end; `greet` says what a client is told first."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query.get("clientId", "") or uuid.uuid4().hex
        self._sockets[client] = socket
        self._client_flags[client] = {}
        try:
            for message in greet(client):
                await _send(socket, message)
            await self._listen(socket, client)
        finally:
            self._sockets.pop(client, None)
            self._client_flags.pop(client, None)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, client: str) -> None:
        first = True
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            try:
                message = json.loads(frame.data)
            except (ValueError, RecursionError):
                log.warning("A client sent a text that is not JSON.")
                continue
            if first and isinstance(message, dict) and message.get("type") == "feature_flags":
                flags = message.get("data")
                self._client_flags[client] = flags if isinstance(flags, dict) else {}
                await _send(socket, {"type": "feature_flags", "data": self._features})
            first = False

    async def close(self) -> None:
        """Ends every connection."""
        for socket in list(self._sockets.values()):
            await socket.close(code=1001, message=b"The engine is stopping.")


async def _send(socket: web.WebSocketResponse, message: Message) -> None:
    try:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_str(json.dumps(message))
    except (ClientError, ConnectionError, RuntimeError) as error:
        log.info("A client went away: %s", error)
