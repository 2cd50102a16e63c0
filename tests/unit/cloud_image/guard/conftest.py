"""The real guard with an engine that a test can hold still, and an agent's socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.contract.agent.worlds import hung_up
from tests.support.nginx import NginxGuard, nginx_guard

TOKEN = "tB0k-q1Zx_Mn4s7vQyR2hUeXwL9dCfGjKaPiOoZzYyX"
DEADLINE = 10.0


@dataclass
class Seen:
    """A request as it came out of the guard."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Backend:
    """What stands behind the guard: remembers what it gets; answers when `release` is set, as it is at first."""

    seen: list[Seen] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    #: Bytes of the body that is just coming in.
    arrived: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=1 << 30)
        application.router.add_get("/ws", self._echo)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        kept = bytearray()
        self.arrived = 0
        async for chunk in request.content.iter_any():
            async with self.changed:
                self.arrived += len(chunk)
                kept += chunk[: 1 << 20]
                self.changed.notify_all()
        async with self.changed:
            self.seen.append(Seen(request.method, request.raw_path, dict(request.headers), bytes(kept)))
            self.changed.notify_all()
        await self.release.wait()
        return web.json_response({"seen": len(self.seen)}, headers={"Backend": "yes"})

    async def _echo(self, request: web.Request) -> web.WebSocketResponse:
        self.seen.append(Seen(request.method, request.raw_path, dict(request.headers), b""))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await (socket.send_str if message.type is aiohttp.WSMsgType.TEXT else socket.send_bytes)(message.data)
        return socket

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns as soon as it holds, of what has arrived here."""
        async with asyncio.timeout(DEADLINE), self.changed:
            await self.changed.wait_for(holds)


@dataclass
class Stand:
    """All of it."""

    guard: NginxGuard
    engine: Backend
    agent: Backend

    def session(self, token: str | None = TOKEN, **headers: str) -> aiohttp.ClientSession:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        pin = aiohttp.Fingerprint(bytes.fromhex(self.guard.certificate.fingerprint))
        return aiohttp.ClientSession(
            self.guard.url,
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=pin, limit=0),
            timeout=aiohttp.ClientTimeout(total=DEADLINE),
        )

    async def ask(self, method: str, path: str, *, token: str | None = TOKEN, **arguments: Any) -> tuple[int, Any, Any]:
        """Status, headers and JSON of one call."""
        async with self.session(token) as session, session.request(method, path, **arguments) as answer:
            return answer.status, answer.headers, await answer.json(content_type=None)

    async def raw(self, method: str, path: str) -> int:
        """The status of a call whose path is sent exactly as it is written here."""
        async with asyncio.timeout(DEADLINE):
            reader, writer = await self.send(method, path)
            status = int((await reader.readline()).split()[1])
            await reader.read()
            writer.close()
            await writer.wait_closed()
        return status

    async def send(self, method: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection over which a call with an empty graph was sent."""
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: machine",
            f"Authorization: Bearer {TOKEN}",
            "Content-Length: 2",
            "Connection: close",
        ]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.guard.port, ssl=unverified)
        writer.write("\r\n".join([*head, "", "{}"]).encode())
        return reader, writer

    async def under_way(self, count: int, *, uploads: bool = False) -> None:
        """Returns once so many prompts, or uploads, are seen under way."""
        path = self.guard.paths.upload_socket if uploads else self.guard.paths.prompt_socket
        async with asyncio.timeout(DEADLINE):
            while self.guard.under_way(path) != count:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(backend: Backend, *, path: str | None = None) -> AsyncIterator[int]:
    """On a unix socket, or on a port of loopback, which is given."""
    backend.release.set()
    runner = web.AppRunner(backend.application(), shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    await (web.TCPSite(runner, "127.0.0.1", 0) if path is None else web.UnixSite(runner, path)).start()
    try:
        yield runner.addresses[0][1] if path is None else 0
    finally:
        backend.release.set()
        await runner.cleanup()


@asynccontextmanager
async def standing(max_upload_mib: int = 100) -> AsyncIterator[Stand]:
    engine, agent = Backend(), Backend()
    async with listening(engine) as port, nginx_guard(TOKEN, port, max_upload_mib=max_upload_mib) as guard:
        async with listening(agent, path=str(guard.paths.agent_socket)):
            yield Stand(guard, engine, agent)
        await hung_up(guard.port)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as stand:
        yield stand
