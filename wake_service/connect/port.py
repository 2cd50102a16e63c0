"""The loopback port: passes everything on to the gateway as it comes, and what comes back too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import WSMsgType, web

from wake_service.connect.judging import objection
from wake_service.connect.upstream import KEEP_ALIVE_SECONDS, TIMEOUT, Upstream, answer_headers

#: Close code of IANA's registry: what is behind this port is away.
BAD_GATEWAY = 1014


class Port:
    """One port and the gateway behind it."""

    def __init__(self, upstream: Upstream, port: int) -> None:
        self._upstream = upstream
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """What listens; it opens its connections when it starts, and closes them when it ends."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.cleanup_ctx.append(self._connected)
        return app

    async def _connected(self, _app: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, timeout=TIMEOUT
        ) as self._session:
            yield

    @property
    def _client(self) -> aiohttp.ClientSession:
        assert self._session is not None, "the port does not listen yet"
        return self._session

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        refused = objection(request.headers, request.method, request.path, self._port)
        if refused or not request.raw_path.startswith("/"):
            return _said(403, "forbidden_origin", refused or "This port is no proxy.")
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request)
            return await self._request(request)
        except aiohttp.ServerTimeoutError:
            told = f"The gateway at {self._upstream.base} did not answer in time. Whether it did what was asked is unknown."
            return _said(504, "gateway_timeout", told)
        except aiohttp.ClientConnectionError:
            told = f"The gateway at {self._upstream.base} cannot be reached, or went away. Check the address and your network."
            return _said(502, "gateway_unreachable", told)

    async def _request(self, request: web.Request) -> web.StreamResponse:
        async with self._client.request(
            request.method,
            self._upstream.url(request.raw_path),
            headers=self._upstream.request_headers(request.headers.items(), request.host),
            data=request.content if request.body_exists else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answer:
            response = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=answer_headers(answer.headers.items())
            )
            await response.prepare(request)
            try:
                async for piece in answer.content.iter_any():
                    await response.write(piece)
            except aiohttp.ClientError:
                if request.transport is not None:  # half an answer must not look like a whole one
                    request.transport.abort()
                return response
            await response.write_eof()
            return response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        asked = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
        try:
            async with self._client.ws_connect(
                self._upstream.socket_url(request.raw_path),
                protocols=asked,
                headers=self._upstream.request_headers(_without_handshake(request), request.host),
                max_msg_size=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
            ) as above:
                agreed = (above.protocol,) if above.protocol else ()
                below = web.WebSocketResponse(protocols=agreed, compress=False, max_msg_size=0, timeout=5.0)
                await below.prepare(request)
                await _relay(below, above)
                return below
        except aiohttp.WSServerHandshakeError as refused:
            headers = (
                {"Retry-After": refused.headers["Retry-After"]} if refused.headers and "Retry-After" in refused.headers else {}
            )
            return web.Response(status=refused.status, headers=headers)


def _without_handshake(request: web.Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.headers.items() if not name.lower().startswith("sec-websocket-")]


async def _relay(below: web.WebSocketResponse, above: aiohttp.ClientWebSocketResponse) -> None:
    """Until one side goes; then the other is closed with what the first one said."""
    ways = {asyncio.ensure_future(_pass_on(below, above)), asyncio.ensure_future(_pass_on(above, below))}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    if not below.closed:
        await below.close(code=_sayable(above.close_code))
    if not above.closed:
        await above.close(code=_sayable(below.close_code))


def _sayable(code: int | None) -> int:
    """A close code that may be sent: those of a connection that broke (1005, 1006, 1015) may not."""
    return code if code is not None and code not in (1005, 1006, 1015) else BAD_GATEWAY


async def _pass_on(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse, sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse
) -> None:
    try:
        while True:
            message = await source.receive()
            if message.type is WSMsgType.TEXT:
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            else:
                return
    except ConnectionError:
        return


def _said(status: int, kind: str, told: str) -> web.Response:
    """In the shape of ComfyUI's own errors."""
    error = {"type": kind, "message": told, "details": "", "extra_info": {}}
    return web.json_response({"error": error, "node_errors": {}}, status=status)
