"""An engine whose answers a test writes down, and that remembers what it was asked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from wake_service.comfy.client import EngineClient

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LittleEngine:
    """`answers` by path (with its query): JSON, text of a script or page, or bytes; files carry an ETag. `handlers` go first.

    `asked` and `headers` are what came, without what a service asks by itself.
    """

    def __init__(self, **facts: Any) -> None:
        self.answers: dict[str, Any] = {
            "/system_stats": {"system": {"comfyui_version": "0.45.2"}, "devices": []},
            "/object_info": {"KSampler": {"input": {"required": {"steps": ["INT", {"default": 20}]}}}},
            **facts,
        }
        self.handlers: dict[str, Handler] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.address = ""

    def client(self) -> EngineClient:
        """A client of it, to be closed."""
        return EngineClient(self.address, token="of the guard")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path not in ("/queue", "/ws"):  # what its service asks by itself, whenever it has been silent
            self.asked.append(request.path_qs)
            self.headers.append(dict(request.headers))
        places = request.path_qs, request.path, request.path.removeprefix("/api")
        if (handler := next((self.handlers[at] for at in places if at in self.handlers), None)) is not None:
            return await handler(request)
        if request.path == "/ws":
            return await _listened_to(request)
        found = next((self.answers[at] for at in places if at in self.answers), None)
        if found is None:
            return web.Response(status=404, text="404: Not Found")
        if isinstance(found, str | bytes):
            return file_answer(request, found)
        return web.Response(body=orjson.dumps(found), content_type="application/json")


async def _listened_to(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        continue
    return socket


def file_answer(request: web.Request, content: str | bytes) -> web.Response:
    """A file as a static route gives it."""
    body = content.encode() if isinstance(content, str) else content
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "png": "image/png", "/": "text/html"}
    suffix = request.path.rpartition(".")[2]
    return web.Response(body=body, content_type=kinds.get(suffix, "application/octet-stream"), headers={"ETag": etag})


@asynccontextmanager
async def running(engine: LittleEngine) -> AsyncIterator[LittleEngine]:
    """It answers until the end of the block."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", engine.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    engine.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield engine
    finally:
        await runner.cleanup()
