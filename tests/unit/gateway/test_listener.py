"""The gateway's port: nobody keeps a connection by saying nothing, or little."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from wake_service.gateway import listener
from wake_service.gateway.listener import PatientProtocol, gateway_server

DEADLINE = 10.0
#: How long a client may dawdle in these tests, in seconds.
PATIENCE = 0.15


async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers at once, whatever of the body has come; over a socket, whatever it hears."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (heard := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": heard["text"]})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(PatientProtocol, "head_seconds", PATIENCE)
    monkeypatch.setattr(PatientProtocol, "linger_seconds", PATIENCE)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = gateway_server(answer, listening, "127.0.0.1")
        await server.start(on_failure=lambda: pytest.fail("the server ended by itself"))
        yield listening.getsockname()[1]
        await server.end()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def says(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def trickles(self, data: bytes) -> bytes:
        """Says a byte now and then until it is hung up on; what it heard."""
        heard = asyncio.create_task(self.hears_out())
        for byte in data * 100:
            if heard.done():
                break
            self.writer.write(bytes([byte]))
            await asyncio.sleep(PATIENCE / 10)
        return await heard

    async def hears(self, end: bytes = b"ok") -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(end), DEADLINE)

    async def hears_out(self) -> bytes:
        """All until the other side hangs up."""
        try:
            return await asyncio.wait_for(self.reader.read(), DEADLINE)
        except ConnectionError:
            return b""
        finally:
            self.writer.close()


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_request_is_answered_without_headers_that_an_engine_s_answer_has_already(port: int) -> None:
    client = await Client.at(port)
    await client.says(REQUEST)
    head = (await client.hears()).lower()
    assert head.startswith(b"http/1.1 200") and b"\r\ndate:" not in head and b"\r\nserver:" not in head
    client.writer.close()


async def test_a_client_that_says_nothing_is_hung_up_on(port: int) -> None:
    assert await (await Client.at(port)).hears_out() == b""


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, b"\r\n"])
async def test_a_head_that_trickles_is_hung_up_on(port: int, head: bytes) -> None:
    assert await (await Client.at(port)).trickles(head) == b""


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, b"\r\n"])
async def test_so_is_the_second_one_of_a_connection(port: int, head: bytes) -> None:
    client = await Client.at(port)
    await client.says(REQUEST)
    await client.hears()
    assert await client.trickles(head) == b""


async def test_several_requests_on_one_connection_each_have_their_time(port: int) -> None:
    client = await Client.at(port)
    for _ in range(5):
        await client.says(REQUEST[:10])
        await asyncio.sleep(PATIENCE / 3)
        await client.says(REQUEST[10:])
        await client.hears()
    client.writer.close()


async def test_a_head_without_end_is_refused_however_quick_it_comes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 10 * DEADLINE)
    client = await Client.at(port)
    heard = asyncio.create_task(client.hears_out())
    client.writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * (listener.LARGEST_HEAD + 1))
    said = await heard
    assert not said or said.startswith(b"HTTP/1.1 400")  # what is still on its way may cut the answer off


async def test_the_rest_of_a_body_that_was_answered_is_thrown_away_for_a_while_only(port: int) -> None:
    client = await Client.at(port)
    await client.says(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    await client.hears()
    assert await client.trickles(b"a") == b""


async def test_a_body_that_was_answered_early_and_comes_whole_costs_the_connection_nothing(port: int) -> None:
    client = await Client.at(port)
    await client.says(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
    await client.hears()
    await client.says(b"cd" + REQUEST)
    assert (await client.hears()).startswith(b"HTTP/1.1 200")
    client.writer.close()


async def test_an_open_socket_may_be_silent(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/ws") as client:
        await asyncio.sleep(PATIENCE * 3)  # the connection's own clock is the event loop's
        await client.send("still here")
        assert await asyncio.wait_for(client.recv(), DEADLINE) == "still here"
