"""The gateway's own port: a server beside the service's, and connections that nobody can keep by saying nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

#: Largest message that a client may send over a socket: ComfyUI's own limit (PROTOCOL: under 4 MiB). In bytes.
LARGEST_MESSAGE = 4 * 1024 * 1024
#: How often an open socket is pinged, in seconds.
PING_SECONDS = 20.0
#: How long a connection is kept between requests, in seconds; longer than clients keep theirs (aiohttp 15, browsers 60, our own
#: `wakebrush connect` 60), so that none sends a prompt over one that is being closed.
KEEP_ALIVE_SECONDS = 75
#: How long a request's head may take, from its first byte (the first one's: from the connection), in seconds.
HEAD_SECONDS = 30.0
#: The largest head of a request, in bytes; nginx allows as much.
LARGEST_HEAD = 64 * 1024
#: How long the rest of a body is thrown away after its request was answered, so that the answer can be read. In seconds.
LINGER_SECONDS = 10.0


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own times out only connections that are silent between requests."""

    head_seconds = HEAD_SECONDS
    linger_seconds = LINGER_SECONDS

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._close_in(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # it is a WebSocket's now
            return
        if self._in_head:
            self._head_size = self._head_size + len(data) if was_in_head else len(data)
            if self._head_size > LARGEST_HEAD:
                self.send_400_response("The head of the request is too large.")
        elif not self._in_body and self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._close_in(self.head_seconds)  # bytes that begin no request end uvicorn's own waiting

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        if self._deadline is None:
            self._close_in(self.head_seconds)

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._rest()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._close_in(self.linger_seconds)

    def _close_in(self, seconds: float) -> None:
        self._rest()
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()


class RefusingProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own calls a refused upgrade an error of the application, although it has told the refusal already."""

    async def send(self, message: Message) -> None:  # type: ignore[override]
        await super().send(message)  # type: ignore[arg-type]
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # in the other way


class GatewayServer(uvicorn.Server):
    """Runs in the event loop of the server that hears the signals; begins after the service, and ends before it."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, on_failure: Callable[[], None]) -> None:
        """Returns once it answers; `on_failure` is called should it end by itself."""
        self._task = asyncio.create_task(self.serve([self._listener]), name="gateway server")
        self._task.add_done_callback(lambda _task: None if self.should_exit else on_failure())
        listening = asyncio.create_task(self._listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._task.done():
            await self._task

    def begin_to_end(self) -> None:
        """Takes no more connections, and lets go of those it has."""
        self.should_exit = True

    async def end(self) -> None:
        """Returns once it has ended."""
        self.begin_to_end()
        if self._task is not None:
            await self._task

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def gateway_server(app: ASGIApp, listener: socket.socket, trusted_proxies: str) -> GatewayServer:
    """A server for the gateway's application, on a socket that listens already."""
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws=RefusingProtocol,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=True,
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=3,
    )
    return GatewayServer(config, listener)
