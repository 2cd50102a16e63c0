"""A relay on this computer between a client and a wake service: passes everything on, and notes what passed when."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "te", "trailer"}
_HANDSHAKE = "sec-websocket-"
_LARGEST_BODY = 1 << 30
_START_SECONDS = 10.0


@dataclass(frozen=True)
class Call:
    """`at`: when its body was here, in seconds of the monotonic clock; `size`: of the body in bytes."""

    method: str
    path: str
    size: int
    at: float
    body: bytes = field(repr=False, default=b"")


class Relay:
    """Use `relayed`. `calls`: what came, in order; bodies of JSON are kept, others only counted."""

    def __init__(self, target: str) -> None:
        self.calls: list[Call] = []
        self.endpoint = ""
        self._target = target
        self._client: aiohttp.ClientSession
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    async def run(self, started: threading.Event) -> None:
        """Serves until `stop`."""
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(application, shutdown_timeout=1.0)
        await runner.setup()
        async with aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)) as self._client:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.endpoint = f"http://{host}:{port}"
            started.set()
            await self._stop.wait()
            await runner.cleanup()

    def stop(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        kept = body if request.content_type == "application/json" else b""
        self.calls.append(Call(request.method, request.path, len(body), time.monotonic(), kept))
        headers = {name: value for name, value in request.headers.items() if not _is_of_the_hop(name)}
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_socket(request, headers)
        target = self._target + request.raw_path
        async with self._client.request(
            request.method, target, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            passed = web.StreamResponse(status=answer.status, reason=answer.reason)
            passed.headers.extend((name, value) for name, value in answer.headers.items() if name.lower() not in _HOP)
            if "Content-Length" in answer.headers:
                passed.content_length = int(answer.headers["Content-Length"])
            await passed.prepare(request)
            async for chunk in answer.content.iter_any():
                await passed.write(chunk)
            await passed.write_eof()
            return passed

    async def _pass_socket(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if each.strip()]
        target = self._target + request.raw_path
        async with self._client.ws_connect(target, headers=headers, protocols=offered, max_msg_size=0) as service:
            client = web.WebSocketResponse(protocols=[service.protocol] if service.protocol else [], max_msg_size=0)
            await client.prepare(request)
            ways = [asyncio.create_task(_pump(client, service)), asyncio.create_task(_pump(service, client))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await client.close()
            return client


def _is_of_the_hop(name: str) -> bool:
    return name.lower() in _HOP or name.lower().startswith(_HANDSHAKE)


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, target: Socket) -> None:
    """Passes messages one way until the source ends."""
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)


@contextmanager
def relayed(target: str) -> Iterator[Relay]:
    """A relay before the service at `target`, gone with the block. Raises RuntimeError when it cannot listen."""
    relay, started = Relay(target), threading.Event()
    host = urlsplit(target).netloc
    thread = threading.Thread(target=lambda: asyncio.run(relay.run(started)), name=f"relay to {host}", daemon=True)
    thread.start()
    if not started.wait(_START_SECONDS):
        raise RuntimeError(f"The relay before {host} did not start.")
    try:
        yield relay
    finally:
        relay.stop()
        thread.join(_START_SECONDS)
