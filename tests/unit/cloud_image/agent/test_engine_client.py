"""The engine on loopback, with what it may answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from cloud_image.agent import engine_client
from cloud_image.agent.engine_client import EngineClient, EngineGone, EngineSilent


class Server:
    """An engine whose answers the test sets."""

    def __init__(self) -> None:
        self.answer: Any = {"queue_running": [[0, "p1", {}, {}, []]], "queue_pending": []}
        self.status = 200
        self.text: str | None = None
        self.asked: list[str] = []
        self.release = asyncio.Event()
        self.hang = False
        self.sockets: list[web.WebSocketResponse] = []
        self.port = 0

    async def reply(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        if self.hang:
            await self.release.wait()
        if self.text is not None:
            return web.Response(text=self.text, status=self.status)
        return web.json_response(self.answer, status=self.status)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_get("/ws", server.socket)
    application.router.add_get("/{rest:.*}", server.reply)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    server.release.set()
    await runner.cleanup()


@pytest.fixture
def client(server: Server) -> EngineClient:
    return EngineClient(server.port, seconds=5)


async def test_queue_and_history_are_asked_for_as_comfyui_answers_them(server: Server, client: EngineClient) -> None:
    work = await client.work()
    assert [waiting.prompt_id for waiting in work.running] == ["p1"] and work.pending == ()
    server.answer = {"p1": {"status": {"status_str": "success"}, "outputs": {}}}
    assert [prompt.prompt_id for prompt in await client.finished(16)] == ["p1"]
    assert server.asked == ["/queue", "/history?max_items=16"]


@pytest.mark.parametrize(
    ("status", "text"),
    [(500, "{}"), (200, ""), (200, "<html>"), (200, "[]"), (200, "[" * 100_000), (200, '{"queue_running": [5]}')],
)
async def test_an_answer_that_is_of_no_use_is_silence(server: Server, client: EngineClient, status: int, text: str) -> None:
    server.status, server.text = status, text
    with pytest.raises(EngineSilent):
        await client.work()
    if text != '{"queue_running": [5]}':
        with pytest.raises(EngineSilent):
            await client.finished(1)


async def test_an_answer_that_is_too_long_is_not_read_to_its_end(
    server: Server, client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_client, "MAX_ANSWER", 10)
    with pytest.raises(EngineSilent, match="11 bytes"):
        await client.work()


async def test_an_engine_that_hangs_is_given_up_and_is_not_gone(server: Server) -> None:
    server.hang = True
    with pytest.raises(EngineSilent, match="no answer"):
        await EngineClient(server.port, seconds=0.1).work()


async def test_every_change_of_the_queue_is_heard_and_nothing_else(server: Server, client: EngineClient) -> None:
    changes = client.changes()
    await anext(changes)
    assert server.asked == ["/ws?clientId=wakebrush-agent"]
    (socket,) = server.sockets
    for noise in ('{"type": "progress", "data": {}}', '{"type": "logs", "data": "status"}', "[]", '"status"', '{"status"'):
        await socket.send_str(noise)
    await socket.send_bytes(b"\0\0\0\1preview")
    await socket.send_json({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}}})
    async with asyncio.timeout(10):
        await anext(changes)
    await socket.send_str('{"type": "progress", "data": {}}')
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(changes)


async def test_an_engine_that_closes_its_socket_is_gone(server: Server, client: EngineClient) -> None:
    changes = client.changes()
    await anext(changes)
    await server.sockets[0].close()
    with pytest.raises(EngineGone):
        async with asyncio.timeout(10):
            await anext(changes)


async def test_nothing_answers_where_no_engine_is(unused_tcp_port: int) -> None:
    client = EngineClient(unused_tcp_port)
    with pytest.raises(EngineGone):
        await client.work()
    with pytest.raises(EngineGone):
        await anext(client.changes())
