"""A small real guard: TLS and a bearer token in front of a MemoryMachine's agent and an engine."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from wake_service.agent.link import Answer, LinkBroken
from wake_service.agent.memory import MemoryMachine, problem
from wake_service.agent.text import version_mismatch
from wake_service.agent.wire import HEARTBEAT_SECONDS, WIRE, WIRE_HEADER

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The largest body that is let in, as ComfyUI's own default.
MAX_BODY = 104_857_600
#: Headers of one connection, which a proxy does not hand on.
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade")
)
#: What stays on this side besides: the token, and what aiohttp writes anew.
OURS = frozenset(("authorization", "host", "content-length", WIRE_HEADER.lower()))


class Guard:
    """`released` lets calls to a silent machine return, so that a server can end; `hung_up`: a socket of the agent has ended."""

    def __init__(self, machine: MemoryMachine, engine: str | None = None, *, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self.machine = machine
        self.engine = engine
        self.heartbeat = heartbeat
        self.released = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.refused = 0
        self._upstream: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY, middlewares=[self._let_in])
        application.router.add_get("/agent", self._agent)
        application.router.add_route("*", "/agent/{rest:.*}", self._agent_call)
        application.router.add_post("/prompt", self._prompt)
        application.router.add_post("/api/prompt", self._prompt)
        application.router.add_route("*", "/{rest:.*}", self._hand_on)
        application.cleanup_ctx.append(self._session)
        return application

    async def _session(self, _: web.Application) -> AsyncIterator[None]:
        self._upstream = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        yield
        await self._upstream.close()

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.machine.lets_in(token):
            self.refused += 1
            refusal = respond(problem(401, "not_authenticated", "This machine wants the token of its present wake."))
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        if self.machine.silent:
            await self.released.wait()
        return await handler(request)

    async def _agent(self, request: web.Request) -> web.StreamResponse:
        theirs = request.headers.get(WIRE_HEADER, "")
        if theirs != str(WIRE):
            asked = int(theirs) if theirs.isdecimal() else None
            refusal = respond(problem(426, "other_version", version_mismatch(agent=WIRE, service=asked)))
            refusal.headers[WIRE_HEADER] = str(WIRE)
            return refusal
        socket = web.WebSocketResponse(heartbeat=self.heartbeat, max_msg_size=1_000_000)
        await socket.prepare(request)
        try:
            await SocketListener(socket, self.machine).serve()
        finally:
            self.hung_up.set()
        return socket

    async def _agent_call(self, request: web.Request) -> web.StreamResponse:
        return respond(self.machine.handle(request.method, request.raw_path, await request.read()))

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        refusal = self.machine.refuse_prompt()
        return respond(refusal) if refusal is not None else await self._hand_on(request)

    async def _hand_on(self, request: web.Request) -> web.StreamResponse:
        """To the engine, and its answer back, both as they come."""
        if self.engine is None:
            return respond(problem(502, "engine_unreachable", "The engine on this machine does not answer yet."))
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._hand_on_socket(request)
            return await self._hand_on_call(request)
        except aiohttp.ClientConnectorError:
            return respond(problem(502, "engine_unreachable", "The engine on this machine does not answer yet."))

    async def _hand_on_call(self, request: web.Request) -> web.StreamResponse:
        assert self._upstream is not None
        async with self._upstream.request(
            request.method,
            f"{self.engine}{request.raw_path}",
            headers=passed_on(request.headers),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as upstream:
            response = web.StreamResponse(status=upstream.status, headers=passed_on(upstream.headers))
            response.content_length = upstream.content_length
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _hand_on_socket(self, request: web.Request) -> web.StreamResponse:
        assert self._upstream is not None
        async with self._upstream.ws_connect(f"{self.engine}{request.raw_path}", max_msg_size=0) as engine:
            client = web.WebSocketResponse(max_msg_size=0, heartbeat=self.heartbeat)
            await client.prepare(request)
            ways = {asyncio.create_task(_pump(engine, client)), asyncio.create_task(_pump(client, engine))}
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await client.close()
            return client


class SocketListener:
    """One open `/agent` socket, as the machine sees it: what it says is sent in order, without making it wait."""

    def __init__(self, socket: web.WebSocketResponse, machine: MemoryMachine) -> None:
        self._socket = socket
        self._machine = machine
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()

    def take(self, text: str) -> None:
        self._texts.put_nowait(text)

    def lose(self, error: LinkBroken) -> None:
        self._texts.put_nowait(None)

    async def serve(self) -> None:
        """Until either side ends it."""
        self._machine.attach(self)
        sending = asyncio.create_task(self._send())
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._machine.hear(message.data, self)
        finally:
            self._machine.detach(self)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self) -> None:
        while (text := await self._texts.get()) is not None:
            await self._socket.send_str(text)
        await self._socket.close()


def respond(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, content_type=answer.media_type, headers=answer.headers)


def passed_on(headers: aiohttp.typedefs.LooseHeaders) -> dict[str, str]:
    """Headers that belong to the message itself, not to the connection or to us."""
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP | OURS}


async def _pump(
    source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse, sink: aiohttp.ClientWebSocketResponse | web.WebSocketResponse
) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)


@asynccontextmanager
async def serving(guard: Guard, tls: ssl.SSLContext) -> AsyncIterator[str]:
    """The guard on loopback; gives its URL."""
    runner = web.AppRunner(guard.application(), shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        guard.released.set()
        guard.machine.power_off()
        await runner.cleanup()
