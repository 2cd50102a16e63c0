"""A WebSocket of a node pack, through to a machine and back."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aiohttp
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from wake_service.comfy.client import EngineClient
from wake_service.gateway.forwarding import address, headers_for
from wake_service.gateway.refusals import Refusal, unavailable

log = logging.getLogger(__name__)

#: A message of a node pack is at most so large, in bytes.
MESSAGE_BYTES = 64 * 1024 * 1024
#: Close codes that only ends of connections use, never messages (RFC 6455, 7.4.1), and what is said in their place.
_UNSAYABLE, _GOING_AWAY = frozenset({1005, 1006, 1015}), 1001


async def forward_socket(socket: WebSocket, engine: EngineClient) -> None:
    """Until one side ends. Raises Refusal before it is open: 404 if the engine has no such socket, 503 if it is not there."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            theirs = await stack.enter_async_context(
                engine.session.ws_connect(
                    address(socket, engine),
                    headers=headers_for(socket, engine),
                    protocols=socket.scope.get("subprotocols") or (),
                    max_msg_size=MESSAGE_BYTES,
                    heartbeat=engine.timeouts.heartbeat,
                )
            )
        except aiohttp.WSServerHandshakeError as refused:
            if refused.status in (400, 404, 405, 426):
                raise Refusal(404, "404: Not Found") from refused
            raise unavailable("The machine does not open this socket at the moment.") from refused
        except (aiohttp.ClientError, OSError) as broken:
            raise unavailable("The machine cannot be reached at the moment. Try again soon.") from broken
        await socket.accept(theirs.protocol)
        await _both_ways(socket, theirs)


async def _both_ways(socket: WebSocket, theirs: aiohttp.ClientWebSocketResponse) -> None:
    """Each direction goes as fast as its reader takes it; when one ends the other does."""
    ways = [asyncio.ensure_future(_upward(socket, theirs)), asyncio.ensure_future(_downward(theirs, socket))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        ends = await asyncio.gather(*ways, return_exceptions=True)
        log.debug("a socket of a node pack ended: %s", ends)
        code = theirs.close_code if theirs.closed else None
        await theirs.close()
        if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError):  # it went at this moment
                await socket.close(_GOING_AWAY if code is None or code in _UNSAYABLE else code)


async def _upward(socket: WebSocket, theirs: aiohttp.ClientWebSocketResponse) -> None:
    while (message := await socket.receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await theirs.send_str(message["text"])
        else:
            await theirs.send_bytes(message["bytes"])


async def _downward(theirs: aiohttp.ClientWebSocketResponse, socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        async for message in theirs:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_text(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
