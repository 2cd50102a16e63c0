"""Results that a machine has kept: brought home once, acknowledged when they are safe, and never painted twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from tests.service.conftest import practice_engine
from tests.service.house import DEADLINE, PRICE, House, accepted
from tests.service.test_pictures import painted
from tests.support.asgi import Stream
from tests.support.pictures import png
from wake_service.accounts import people
from wake_service.errors import ProviderError
from wake_service.jobs.kept import ACKNOWLEDGE_SECONDS, COLLECT_SECONDS
from wake_service.machinery import Machinery
from wake_service.machines.model import Machine, MachineState
from wake_service.practice_engine.options import Options, Timing
from wake_service.providers.base import Trouble
from wake_service.store.tables import artists, prompts, streams

KEPT = png(64, 64)


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with practice_engine(Options(tmp_path / "engine", timing=Timing(step=0.1))) as address:
        yield address


@pytest.fixture
def house(tmp_path: Path, address: str) -> House:
    """Not open yet."""
    return House(tmp_path / "data", address)


def next_life(house: House) -> None:
    """The service ended; the next one will find the same machines, database and pictures."""
    house.provider = house.provider.next_service()
    machinery = Machinery({"fake": house.provider}, [Machine("m1", "default", "fake", PRICE)])
    house.build(house.service.settings, house.clock, machinery, house.blobs)


async def prompt_ids(house: House, job_id: str) -> list[str]:
    """By which ids an engine knows a job's pictures, all tries."""
    mine = select(prompts.c.prompt_id).where(prompts.c.job_id == job_id).order_by(prompts.c.created_at, prompts.c.picture)
    return await house.service.store.read(lambda conn: list(conn.execute(mine).scalars()))


async def all_events(house: House) -> Stream:
    """Her stream from its beginning: what is brought home may be told before she is back."""
    mine = select(streams.c.stream_id).join_from(streams, artists).where(artists.c.name == people.DEFAULT_ARTIST)
    stream_id = await house.service.store.read(lambda conn: conn.execute(mine).scalar_one())
    return await house.stream(f"/v1/events?after=0&stream={stream_id}")


async def begun(house: House, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """A job that the machine works on, and its prompts."""
    job = await accepted(house.mira, **fields)
    await house.until(MachineState.BUSY)
    return job, await prompt_ids(house, job["id"])


async def prompts_taken(address: str) -> int:
    """How many prompts the engine has or had."""
    async with aiohttp.ClientSession() as session:
        queue = await (await session.get(f"{address}/queue")).json()
        history = await (await session.get(f"{address}/history")).json()
    return len(history) + len(queue["queue_running"]) + len(queue["queue_pending"])


async def forgotten(house: House) -> None:
    """Waits until the machine keeps nothing any more."""
    async with asyncio.timeout(DEADLINE):
        while house.provider.cloud.machines["m1"].kept:
            await house.clock.advance(0.5)
            await asyncio.sleep(0.002)


def delivered_once(stream: Stream, job: dict[str, Any], checksum: str | None = hashlib.sha256(KEPT).hexdigest()) -> None:
    told = [event for event in stream.seen if event["job"] == job["id"] and event["seq"] is not None]
    results = [event["data"]["result"] for event in told if event["type"] == "job.result"]
    assert [result["n"] for result in results] == list(range(job["count"]))
    assert checksum is None or {result["sha256"] for result in results} == {checksum}
    assert [event["type"] for event in told].count("job.succeeded") == 1


async def test_a_picture_finished_while_no_service_lived_by_a_machine_that_then_slept_is_not_painted_again(
    house: House, address: str
) -> None:
    async with house.open():
        job, (prompt_id,) = await begun(house)
    house.provider.cloud.keep("m1", prompt_id, KEPT)
    house.provider.cloud.die("m1", "The machine shut itself down.")
    next_life(house)
    async with house.open():
        stream = await all_events(house)
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], ended["error"], ended["results"][0]["sha256"]) == (  # type: ignore[index]
            "succeeded",
            None,
            hashlib.sha256(KEPT).hexdigest(),
        )
        assert ended["started_at"] is not None
        delivered_once(stream, job)
        picture = await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/0")
        assert picture.body == KEPT
        await forgotten(house)
        assert await prompts_taken(address) == 1, "nothing was sent by the second service"
        await stream.close()


async def test_the_next_service_finds_it_on_a_machine_that_is_still_up_whose_engine_has_forgotten_it(
    house: House, address: str
) -> None:
    async with house.open():
        job, (prompt_id,) = await begun(house)
    house.provider.cloud.keep("m1", prompt_id, KEPT)
    async with aiohttp.ClientSession() as session:
        await session.post(f"{address}/interrupt")
        await session.post(f"{address}/history", json={"clear": True})
    next_life(house)
    house.provider.fail("kept", ProviderError("The machine's agent is not reached yet."), times=3)
    async with house.open():
        stream = await all_events(house)
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
        delivered_once(stream, job)
        await forgotten(house)
        await stream.close()


async def test_an_engine_that_dies_after_it_has_finished_need_not_paint_again(house: House, address: str) -> None:
    async with house.open():
        stream = await all_events(house)
        job, (prompt_id,) = await begun(house)
        house.provider.cloud.keep("m1", prompt_id, KEPT)
        house.provider.cloud.lose_engine("m1", "The engine has ended (signal 9).", Trouble.OTHER)
        await painted(house, stream, job["id"])
        delivered_once(stream, job)
        await forgotten(house)
        assert await prompts_taken(address) == 1
        await stream.close()


async def test_of_several_pictures_only_those_that_were_not_kept_are_painted(house: House, address: str) -> None:
    async with house.open():
        job, (first, *_) = await begun(house, count=3)
    house.provider.cloud.keep("m1", first, KEPT)
    house.provider.cloud.die("m1", "The machine shut itself down.")
    sent = await prompts_taken(address)
    next_life(house)
    async with house.open():
        stream = await all_events(house)
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], len(ended["results"])) == ("succeeded", 3)  # type: ignore[arg-type]
        delivered_once(stream, job, None)
        assert await prompts_taken(address) == sent + 2
        await stream.close()


async def test_pictures_that_are_home_are_acknowledged_and_those_of_others_are_left_alone(house: House) -> None:
    async with house.open():
        stream = await all_events(house)
        job, (prompt_id,) = await begun(house)
        cloud = house.provider.cloud
        cloud.keep("m1", "of-somebody-else", b"theirs")
        cloud.keep("m1", prompt_id, KEPT)
        await house.clock.advance(2 * ACKNOWLEDGE_SECONDS)
        assert set(cloud.machines["m1"].kept) == {"of-somebody-else", prompt_id}, "its runner has not brought it home yet"
        await painted(house, stream, job["id"])
        delivered_once(stream, job, None)
        async with asyncio.timeout(DEADLINE):
            while prompt_id in cloud.machines["m1"].kept:
                await house.clock.advance(0.5)
                await asyncio.sleep(0.002)
        assert set(cloud.machines["m1"].kept) == {"of-somebody-else"}
        assert [call.name for call in house.provider.calls].count("kept") == 0
        await stream.close()


async def test_what_is_kept_of_cancelled_and_of_deleted_pictures_is_acknowledged_and_not_delivered(house: House) -> None:
    async with house.open():
        stream = await all_events(house)
        deleted, ids = await begun(house)
        await painted(house, stream, deleted["id"])
        cancelled, more = await begun(house)
        await house.mira.ask("DELETE", f"/v1/jobs/{cancelled['id']}")
        assert (await house.mira.ask("DELETE", f"/v1/jobs/{deleted['id']}/results")).status == 200
        for prompt_id in (*ids, *more):
            house.provider.cloud.keep("m1", prompt_id, KEPT)
        await forgotten(house)
        for job in (deleted, cancelled):
            assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}")).json["results"] == []
        await stream.close()


async def slept_over(house: House) -> dict[str, Any]:
    """A picture that lies on the disk of a machine that sleeps, and that nobody has; the next service is about to begin."""
    async with house.open():
        job, (prompt_id,) = await begun(house)
    house.provider.cloud.keep("m1", prompt_id, KEPT)
    house.provider.cloud.die("m1", "The machine shut itself down.")
    next_life(house)
    return job


async def test_a_machine_that_does_not_hear_at_once_is_asked_again_before_anything_is_painted(house: House, address: str) -> None:
    job = await slept_over(house)
    house.provider.fail("kept", ProviderError("The machine's agent is not reached yet."), times=4)
    house.provider.fail("acknowledge", ProviderError("The machine's agent is not reached any more."), times=2)
    async with house.open():
        stream = await all_events(house)
        await painted(house, stream, job["id"])
        delivered_once(stream, job)
        await forgotten(house)
        assert await prompts_taken(address) == 1
        await stream.close()


async def test_a_result_that_cannot_be_had_is_painted_anew(house: House) -> None:
    job = await slept_over(house)
    house.provider.fail("kept", ProviderError("The picture arrived damaged."), times=10_000)
    async with house.open():
        stream = await all_events(house)
        began = house.clock.now()
        await painted(house, stream, job["id"])
        delivered_once(stream, job, None)
        assert house.clock.now() - began >= COLLECT_SECONDS
        await forgotten(house)
        await stream.close()


async def test_a_result_that_is_no_picture_is_painted_anew(house: House) -> None:
    job = await slept_over(house)
    (prompt_id,) = house.provider.cloud.machines["m1"].kept
    house.provider.cloud.keep("m1", prompt_id, b"no picture")
    async with house.open():
        stream = await all_events(house)
        await painted(house, stream, job["id"])
        delivered_once(stream, job, None)
        await forgotten(house)
        await stream.close()


async def test_what_was_kept_before_its_picture_was_cancelled_is_acknowledged_too(house: House) -> None:
    async with house.open():
        stream = await all_events(house)
        job, (prompt_id,) = await begun(house)
        house.provider.cloud.keep("m1", prompt_id, KEPT)
        await house.clock.advance(2 * ACKNOWLEDGE_SECONDS)
        assert set(house.provider.cloud.machines["m1"].kept) == {prompt_id}, "its runner is to bring it home"
        await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")
        await forgotten(house)
        await stream.close()
