from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator

import orjson
import pytest

from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import Executing, Preview, Progress, Status, WireEvent
from wake_service.comfy.socket import WAITING_PREVIEWS, EngineSocket, EventBuffer, Heard
from wake_service.comfy.timeouts import Timeouts
from wake_service.errors import EngineError, EngineUnreachable

from .fake_engine import FakeEngine


async def soon(events: AsyncIterator[WireEvent]) -> WireEvent:
    return await asyncio.wait_for(anext(events), 5)


def progress(value: int) -> dict[str, object]:
    return {"type": "progress", "data": {"prompt_id": "p", "node": "3", "value": value, "max": 4}}


async def test_it_says_first_that_it_reads_named_previews(engine: FakeEngine, client: EngineClient) -> None:
    async with EngineSocket(client, "me"):
        said = orjson.loads(await asyncio.wait_for(engine.said.get(), 5))
    assert said == {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


async def test_events_come_typed_and_in_order(engine: FakeEngine, client: EngineClient) -> None:
    async with EngineSocket(client, "me") as socket:
        events = aiter(socket)
        assert await soon(events) == Status(0, "me")
        await engine.sockets["me"].send_json(progress(1))
        await engine.sockets["me"].send_bytes(struct.pack(">II", 1, 1) + b"jpeg")
        assert await soon(events) == Progress("p", "3", 1, 4)
        assert await soon(events) == Preview(None, None, "image/jpeg", b"jpeg")


async def test_a_nameless_preview_belongs_to_what_executes(engine: FakeEngine, client: EngineClient) -> None:
    async with EngineSocket(client, "me") as socket:
        events = aiter(socket)
        await soon(events)
        await engine.sockets["me"].send_json({"type": "executing", "data": {"node": "3", "prompt_id": "p"}})
        await engine.sockets["me"].send_bytes(struct.pack(">II", 1, 1) + b"jpeg")
        assert await soon(events) == Executing("p", "3")
        assert await soon(events) == Preview("p", "3", "image/jpeg", b"jpeg")


async def test_frames_larger_than_four_megabytes_arrive(engine: FakeEngine, client: EngineClient) -> None:
    async with EngineSocket(client, "me") as socket:
        events = aiter(socket)
        await soon(events)
        await engine.sockets["me"].send_bytes(struct.pack(">II", 1, 2) + bytes(6_000_000))
        event = await soon(events)
    assert isinstance(event, Preview)
    assert len(event.data) == 6_000_000


async def test_a_consumer_that_does_not_read_loses_old_previews_and_nothing_else(
    engine: FakeEngine, client: EngineClient
) -> None:
    async with EngineSocket(client, "me") as socket:
        for value in range(50):
            await engine.sockets["me"].send_json(progress(value))
            await engine.sockets["me"].send_bytes(struct.pack(">II", 1, 1) + bytes([value]))
        await engine.sockets["me"].close()
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "engine socket me"], timeout=5)
        seen: list[WireEvent] = []
        with pytest.raises(EngineUnreachable):
            async for event in socket:
                seen.append(event)
    assert [event.value for event in seen if isinstance(event, Progress)] == list(range(50))
    assert [event.data[0] for event in seen if isinstance(event, Preview)] == list(range(50))[-WAITING_PREVIEWS:]


async def test_our_own_close_ends_the_stream_quietly(engine: FakeEngine, client: EngineClient) -> None:
    socket = EngineSocket(client, "me")
    await socket.open()
    await socket.close()
    await socket.close()
    assert [event async for event in socket] in ([], [Status(0, "me")])
    assert engine.socket_log == ["+me", "-me"]


async def test_a_waiting_consumer_is_let_go_when_we_close(engine: FakeEngine, client: EngineClient) -> None:
    socket = EngineSocket(client, "me")
    await socket.open()
    events = aiter(socket)
    await soon(events)
    waiting = asyncio.ensure_future(anext(events, None))
    await asyncio.sleep(0)
    await socket.close()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_a_new_socket_of_the_same_id_waits_until_the_old_one_is_gone(engine: FakeEngine, client: EngineClient) -> None:
    old, new = EngineSocket(client, "me"), EngineSocket(client, "me")
    await old.open()
    await new.open()
    assert engine.socket_log == ["+me", "-me", "+me"]
    events = aiter(new)
    await soon(events)
    await engine.sockets["me"].send_json(progress(1))
    assert await soon(events) == Progress("p", "3", 1, 4)


async def test_a_broken_connection_gives_what_came_and_then_says_so(engine: FakeEngine, client: EngineClient) -> None:
    async with EngineSocket(client, "me") as socket:
        events = aiter(socket)
        await soon(events)
        await engine.sockets["me"].send_json(progress(1))
        await engine.sockets["me"].close()
        assert await soon(events) == Progress("p", "3", 1, 4)
        with pytest.raises(EngineUnreachable, match="broke"):
            await soon(events)


async def test_a_peer_that_vanishes_without_a_word_is_noticed() -> None:
    """A listener that accepts the upgrade and never says anything again, pings included."""
    accepted = asyncio.Event()
    release = asyncio.Event()

    async def vanish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in request.splitlines() if line.lower().startswith("sec-websocket-key"))
        writer.write(_upgrade(key))
        await writer.drain()
        accepted.set()
        await release.wait()
        writer.close()

    server = await asyncio.start_server(vanish, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = EngineClient(f"http://127.0.0.1:{port}", timeouts=Timeouts(heartbeat=0.2))
    socket = EngineSocket(client, "me")
    await socket.open()
    await accepted.wait()
    with pytest.raises(EngineUnreachable, match="broke"):
        await soon(aiter(socket))
    await client.close()
    release.set()
    server.close()
    await server.wait_closed()


def _upgrade(key: str) -> bytes:
    accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


async def test_no_engine_is_unreachable() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    client = EngineClient(f"http://127.0.0.1:{port}")
    with pytest.raises(EngineUnreachable, match="cannot be reached for events"):
        await EngineSocket(client, "me").open()
    assert client.sockets == {}
    await client.close()


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/asleep", EngineUnreachable, "takes no connection at the moment"),
        ("/closed", EngineError, r"refused the connection.*401"),
    ],
)
async def test_a_refused_connection_says_whether_asking_again_helps(
    engine: FakeEngine, path: str, kind: type[EngineError], words: str
) -> None:
    engine.answers["/asleep/ws"], engine.answers["/closed/ws"] = (503, b""), (401, b"")
    client = EngineClient(engine.base_url + path)
    with pytest.raises(EngineError, match=words) as raised:
        await EngineSocket(client, "me").open()
    assert type(raised.value) is kind
    await client.close()


async def _all(buffer: EventBuffer) -> list[WireEvent]:
    buffer.end()
    taken = []
    while (heard := await buffer.take()) is not None:
        taken.append(heard.event)
    return taken


async def test_the_buffer_forgets_the_oldest_preview_only() -> None:
    buffer = EventBuffer(previews=2)
    for number in range(4):
        buffer.put(Heard(Preview("p", "3", "image/jpeg", bytes([number])), b"", "p"))
        buffer.put(Heard(Status(number), "", None))
    taken = await _all(buffer)
    assert [event.queue_remaining for event in taken if isinstance(event, Status)] == [0, 1, 2, 3]
    assert [event.data[0] for event in taken if isinstance(event, Preview)] == [2, 3]


async def test_the_buffer_keeps_every_picture_that_is_a_result() -> None:
    buffer = EventBuffer(previews=1)
    for number in range(9):
        buffer.put(Heard(Preview("p", "3", "image/png", bytes([number])), b"", "p"))
    assert [event.data[0] for event in await _all(buffer) if isinstance(event, Preview)] == list(range(9))
