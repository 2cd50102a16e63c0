"""The guard's door while the machine drains, and what the monitor sees of what is under way: no prompt falls between them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest

from cloud_image.door import Closer
from tests.unit.cloud_image.guard.conftest import TOKEN, Stand, standing
from wake_service.agent.memory import MachineTimes, MemoryMachine
from wake_service.clock import ManualClock


async def _draining_answer() -> bytes:
    clock = ManualClock()
    machine = MemoryMachine(clock, times=MachineTimes(guard=0.0))
    machine.power_on(TOKEN)
    await clock.advance(1)
    assert machine.life is not None
    machine.life.draining = True
    answer = machine.refuse_prompt()
    await machine.close()
    assert answer is not None and (answer.status, answer.headers["Retry-After"]) == (503, "5")
    return answer.body


@pytest.mark.parametrize("path", ["/prompt", "/api/prompt"])
@pytest.mark.parametrize("closer", Closer)
async def test_a_closed_door_refuses_prompts_as_comfyui_would_and_lets_all_else_through(
    stand: Stand, closer: Closer, path: str
) -> None:
    stand.guard.door.close(closer)
    async with stand.session() as session, session.post(path, json={}) as answer:
        assert (answer.status, answer.headers["Retry-After"], answer.content_type) == (503, "5", "application/json")
        assert await answer.read() == await _draining_answer()
    for method, open_path in [("GET", path), ("GET", "/queue"), ("POST", "/queue"), ("POST", "/upload/image")]:
        assert (await stand.ask(method, open_path))[0] == 200
    stand.guard.door.open(closer)
    assert (await stand.ask("POST", path, json={}))[0] == 200


@pytest.mark.parametrize("path", ["//prompt", "/./prompt", "/x/../prompt", "/%70rompt", "/api//prompt", "/prompt?a=b"])
async def test_no_other_way_of_writing_it_goes_around_the_door(stand: Stand, path: str) -> None:
    stand.guard.door.close(Closer.MONITOR)
    assert await stand.raw("POST", path) == 503
    assert stand.engine.seen == []


async def test_a_prompt_that_began_to_arrive_before_the_door_closed_is_refused(stand: Stand) -> None:
    arrived = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'{"prompt": '
        await arrived.wait()
        yield b"{}}"

    async with stand.session() as session:
        sending = asyncio.create_task(session.post("/prompt", data=body()))
        await asyncio.sleep(0.2)
        assert stand.guard.under_way(stand.guard.paths.prompt_socket) == 0
        stand.guard.door.close(Closer.MONITOR)
        arrived.set()
        answer = await sending
        assert answer.status == 503
        answer.release()
    assert stand.engine.seen == []


async def test_a_prompt_that_passed_the_door_is_seen_until_the_engine_has_it(stand: Stand) -> None:
    stand.engine.release.clear()
    asking = asyncio.create_task(stand.ask("POST", "/prompt", json={"prompt": {}}))
    await stand.engine.until(lambda: bool(stand.engine.seen))
    stand.guard.door.close(Closer.MONITOR)
    await stand.under_way(1)
    stand.engine.release.set()
    assert (await asking)[0] == 200
    await stand.under_way(0)


async def test_a_prompt_is_seen_even_when_its_sender_is_gone(stand: Stand) -> None:
    stand.engine.release.clear()
    _, writer = await stand.send("POST", "/api/prompt")
    await stand.engine.until(lambda: bool(stand.engine.seen))
    writer.transport.abort()
    await asyncio.sleep(0.3)  # time enough for the guard to notice
    await stand.under_way(1)
    stand.engine.release.set()
    await stand.under_way(0)


async def test_many_prompts_are_counted_one_by_one_and_leave_nothing_behind(stand: Stand) -> None:
    stand.engine.release.clear()
    asking = [asyncio.create_task(stand.ask("POST", "/prompt", json={})) for _ in range(20)]
    await stand.under_way(20)
    stand.engine.release.set()
    assert {status for status, _, _ in await asyncio.gather(*asking)} == {200}
    await stand.under_way(0)


@pytest.mark.parametrize("path", ["/upload/image", "/api/upload/mask", "/agent/inputs/a.png"])
async def test_an_upload_is_seen_while_it_comes_in(stand: Stand, path: str) -> None:
    more = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        await more.wait()
        yield b"y"

    sending = asyncio.create_task(stand.ask("PUT", path, data=body()))
    await stand.under_way(1, uploads=True)
    more.set()
    assert (await sending)[0] == 200
    await stand.under_way(0, uploads=True)


@pytest.mark.parametrize("path", ["/upload/image", "/agent/inputs/a.png"])
async def test_a_large_upload_is_handed_on_as_it_comes_and_touches_no_disk(stand: Stand, path: str) -> None:
    backend = stand.agent if "agent" in path else stand.engine
    chunk = b"x" * (1 << 20)
    on_disk = set()

    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield chunk
            if number == 10:
                await backend.until(lambda: backend.arrived >= 5 << 20)
        on_disk.update(_buffered(stand))

    status, _, _ = await stand.ask("PUT", path, data=body())
    assert status == 200 and backend.arrived == 100 << 20
    assert on_disk == set()


async def test_what_is_too_large_is_refused_with_a_sentence() -> None:
    async with standing(max_upload_mib=1) as stand:

        async def unannounced() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"x" * 50_000

        large = b"x" * 2_000_000
        for path, data in [("/upload/image", io.BytesIO(large)), ("/prompt", io.BytesIO(large)), ("/prompt", unannounced())]:
            status, headers, answer = await stand.ask("POST", path, data=data)
            assert (status, answer["code"], headers["Content-Type"]) == (413, "too_large", "application/problem+json")
            assert "1 MiB" in answer["title"]
        assert stand.engine.seen == []


def _buffered(stand: Stand) -> set[str]:
    """Bodies that nginx has put on the disk: it unlinks them at once, but holds them open."""
    body = str(stand.guard.paths.guard / "body")
    return {target for target in stand.guard.open_files() if target.startswith(body)}
