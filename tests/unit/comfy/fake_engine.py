"""An engine for tests of the client: it keeps what it was sent and answers what it was told to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class FakeEngine:
    """`answers` by path: a status and a body (bytes, or something to write as JSON); `headers` go with the latter."""

    base_url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    #: Client ids in the order in which their sockets opened (`+id`) and ended (`-id`).
    socket_log: list[str] = field(default_factory=list)
    said: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    #: Set to let calls to `/slow` return.
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=200_000_000)
        application.router.add_get("/ws", self._socket)
        application.router.add_post("/upload/image", self._upload)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.received.append(Received(request.method, request.path, dict(request.query), dict(request.headers), body))
        status, answer = self.answers.get(request.path, (404, {}))
        if answer is SILENCE:
            await self.release.wait()
            return web.Response()
        if isinstance(answer, bytes):
            return web.Response(status=status, body=answer)
        return web.json_response(answer, status=status, headers=self.headers.get(request.path))

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        image = form["image"]
        assert isinstance(image, web.FileField)
        self.uploads[f"{form['subfolder']}/{image.filename}"] = image.file.read()
        return web.json_response({"name": image.filename, "subfolder": form["subfolder"], "type": form["type"]})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        client_id = request.query["clientId"]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.socket_log.append(f"+{client_id}")
        self.sockets[client_id] = socket
        await socket.send_json({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client_id}})
        try:
            async for message in socket:
                self.said.put_nowait(message.data)
        finally:
            self.socket_log.append(f"-{client_id}")
            self.sockets.pop(client_id, None)
        return socket


#: An answer that does not come until `FakeEngine.release` is set.
SILENCE = object()
