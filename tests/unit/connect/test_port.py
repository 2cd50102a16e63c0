"""The loopback port between a client and a stand-in for the gateway."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from wake_service.connect import port
from wake_service.connect.port import BAD_GATEWAY, Port
from wake_service.connect.upstream import Upstream

DEADLINE = 10.0
PIECE = b"x" * 65536


@asynccontextmanager
async def listening(app: web.Application, at: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, at).start()
    yield
    await runner.cleanup()


class Gateway:
    """Answers what a test says, and remembers what came."""

    def __init__(self) -> None:
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.echo
        self.seen: list[web.Request] = []
        self.address = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        return await self.answer(request)

    async def echo(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"path": request.raw_path, "method": request.method, "body": (await request.read()).decode()})


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gateway.handle)
    with socket.create_server(("127.0.0.1", 0)) as at:
        gateway.address = f"http://127.0.0.1:{at.getsockname()[1]}"
        async with listening(app, at):
            yield gateway


@asynccontextmanager
async def a_port(base: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a loopback port in front of `base`."""
    with socket.create_server(("127.0.0.1", 0)) as at:
        here = f"http://127.0.0.1:{at.getsockname()[1]}"
        app = Port(Upstream(base, "wb_secret"), at.getsockname()[1]).application()
        async with listening(app, at), aiohttp.ClientSession(here, auto_decompress=False) as client:
            yield client


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with a_port(gateway.address) as client:
        yield client


async def test_a_request_arrives_as_it_is_with_the_token(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    answer = await client.post("/prompt?a=%20b", data=b"{}", headers={"Comfy-Usage-Source": "comfy-cli"})
    assert await answer.json() == {"path": "/comfy/prompt?a=%20b", "method": "POST", "body": "{}"}
    (seen,) = gateway.seen
    assert seen.headers["Authorization"] == "Bearer wb_secret"
    assert (seen.headers["Comfy-Usage-Source"], seen.headers["Content-Length"]) == ("comfy-cli", "2")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
async def test_a_request_without_a_body_stays_one(gateway: Gateway, client: aiohttp.ClientSession, method: str) -> None:
    answer = await client.request(method, "/history")
    assert answer.status == 200
    (seen,) = gateway.seen
    assert (seen.method, seen.body_exists) == (method, False)


async def test_an_answer_comes_back_as_it_is(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        headers = {"ETag": '"1"', "Content-Encoding": "gzip", "Location": "x/", "Content-Type": "image/png"}
        return web.Response(status=308, body=b"\x1f\x8b not really", headers=headers)

    gateway.answer = answer
    got = await client.get("/view", allow_redirects=False)
    assert (got.status, await got.read(), got.headers["Location"]) == (308, b"\x1f\x8b not really", "x/")
    assert (got.headers["ETag"], got.headers["Content-Encoding"], got.headers["Content-Type"]) == ('"1"', "gzip", "image/png")


async def test_a_body_goes_up_piece_by_piece(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    arrived = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.content.readexactly(len(PIECE))
        arrived.set()
        return web.Response(text=str(len(PIECE) + len(await request.content.read())))

    async def body() -> AsyncIterator[bytes]:
        yield PIECE
        await asyncio.wait_for(arrived.wait(), DEADLINE)  # the first piece is there before the second one is sent
        yield PIECE

    gateway.answer = answer
    assert await (await client.post("/upload/image", data=body())).text() == str(2 * len(PIECE))


async def test_an_answer_comes_down_piece_by_piece(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    arrived = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"event: one\n\n")
        await asyncio.wait_for(arrived.wait(), DEADLINE)
        await response.write(b"event: two\n\n")
        return response

    gateway.answer = answer
    got = await client.get("/api/v2/jobs/1/events")
    assert await asyncio.wait_for(got.content.readany(), DEADLINE) == b"event: one\n\n"
    arrived.set()
    assert await got.content.read() == b"event: two\n\n"


async def test_half_an_answer_is_not_passed_on_as_a_whole_one(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    gateway.answer = answer
    got = await client.get("/view")
    with pytest.raises(aiohttp.ClientError):
        await got.read()


async def test_a_gateway_that_is_away_is_said_in_comfyui_s_shape() -> None:
    async with a_port("http://127.0.0.1:9") as client:
        answer = await client.get("/queue")
        error = (await answer.json())["error"]
        assert (answer.status, error["type"]) == (502, "gateway_unreachable")
        assert "http://127.0.0.1:9" in error["message"] and "wb_secret" not in error["message"]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/ws")
        assert refused.value.status == 502


async def test_a_gateway_that_is_silent_for_too_long_is_said(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("nobody waits so long")

    gateway.answer = answer
    monkeypatch.setattr(port, "TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.1))
    async with a_port(gateway.address) as client:
        got = await client.post("/prompt", data=b"{}")
        assert (got.status, (await got.json())["error"]["type"]) == (504, "gateway_timeout")


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_a_page_from_elsewhere_reaches_nothing(
    gateway: Gateway, client: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    answer = await client.post("/prompt", data=b"{}", headers=headers)
    assert (answer.status, (await answer.json())["error"]["type"]) == (403, "forbidden_origin")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/ws", headers=headers)
    assert (refused.value.status, gateway.seen) == (403, [])


async def echo_socket(request: web.Request) -> web.StreamResponse:
    """Says back what it hears; "leave" makes it go with a reason, "break" makes it break."""
    line = web.WebSocketResponse(max_msg_size=0)
    await line.prepare(request)
    async for message in line:
        if message.data == "leave":
            await line.close(code=4001)
        elif message.data == "break":
            assert request.transport is not None
            request.transport.abort()
        elif message.type is WSMsgType.TEXT:
            await line.send_str(message.data)
        else:
            await line.send_bytes(message.data)
    return line


async def test_a_socket_carries_text_and_bytes_of_any_size_both_ways(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    gateway.answer = echo_socket
    async with client.ws_connect("/ws?clientId=me", max_msg_size=0) as line:
        await line.send_str('{"type": "feature_flags"}')
        await line.send_bytes(PIECE * 100)
        assert await line.receive_str(timeout=DEADLINE) == '{"type": "feature_flags"}'
        assert await line.receive_bytes(timeout=DEADLINE) == PIECE * 100
    (seen,) = gateway.seen
    assert (seen.raw_path, seen.headers["Authorization"]) == ("/comfy/ws?clientId=me", "Bearer wb_secret")


@pytest.mark.parametrize(("word", "code"), [("leave", 4001), ("break", BAD_GATEWAY)])
async def test_a_socket_that_the_gateway_leaves_is_left_to_the_client(
    gateway: Gateway, client: aiohttp.ClientSession, word: str, code: int
) -> None:
    gateway.answer = echo_socket
    async with client.ws_connect("/ws") as line:
        await line.send_str(word)
        assert (await line.receive(timeout=DEADLINE)).type is WSMsgType.CLOSE
        assert line.close_code == code


async def test_a_socket_that_the_client_leaves_is_left_at_the_gateway(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    left: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def answer(request: web.Request) -> web.StreamResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        await line.receive()
        left.set_result(line.close_code)
        return line

    gateway.answer = answer
    async with client.ws_connect("/ws") as line:
        await line.close(code=1001)
    assert await asyncio.wait_for(left, DEADLINE) == 1001


async def test_a_node_pack_s_own_protocol_is_agreed_on_from_end_to_end(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        line = web.WebSocketResponse(protocols=("pack.v2",))
        await line.prepare(request)
        await line.receive()
        return line

    gateway.answer = answer
    async with client.ws_connect("/pack", protocols=("pack.v3", "pack.v2")) as line:
        assert line.protocol == "pack.v2"


async def test_a_socket_that_is_refused_for_now_says_when_to_come_back(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "30"})

    gateway.answer = answer
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/ws")
    assert refused.value.headers is not None
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "30")
