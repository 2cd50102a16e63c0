"""A machine whose memory is too small for a picture: told, painted once more at lower cost, then advice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.service.conftest import practice_engine
from tests.service.house import DEADLINE, House, accepted
from tests.service.test_pictures import painted
from wake_service.machines.model import MachineState
from wake_service.practice_engine.failures import Failure
from wake_service.practice_engine.options import Options, Timing
from wake_service.providers.base import Trouble

SENTENCE = "The engine was ended because the machine's memory was full."


@asynccontextmanager
async def tight_house(tmp_path: Path, **options: Any) -> AsyncIterator[tuple[House, str]]:
    """A service and where its one engine answers."""
    async with (
        practice_engine(Options(tmp_path / "engine", **options)) as address,
        House(tmp_path / "data", address).open() as house,
    ):
        yield house, address


async def decoders(address: str) -> list[str]:
    """How each prompt of the engine's history was decoded, oldest first."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/history") as answer:
        entries: Mapping[str, Any] = await answer.json()
    graphs = [entry["prompt"][2] for entry in entries.values()]
    return [node["class_type"] for graph in graphs for node in graph.values() if node["class_type"].startswith("VAEDecode")]


async def test_a_picture_that_does_not_fit_the_gpu_is_painted_in_tiles_by_the_same_machine(tmp_path: Path) -> None:
    async with tight_house(tmp_path, failure=Failure.parse("tight@2")) as (house, address):
        stream = await house.stream()
        job = await accepted(house.mira)
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], ended["attempt"], ended["note"], ended["machine"]) == ("succeeded", 2, None, "m1")
        assert await decoders(address) == ["VAEDecode", "VAEDecodeTiled"]
        told = {event["type"]: event["data"]["job"] for event in stream.seen if event["job"] == job["id"] and event["seq"]}
        assert "once more" in told["job.requeued"]["note"]
        assert [call.name for call in house.provider.calls if call.name == "stop"] == []
        await stream.close()


async def test_of_several_pictures_each_that_does_not_fit_is_painted_in_tiles_once(tmp_path: Path) -> None:
    """The second one is at the engine when the first fails: it is not held to have been tried frugally."""
    async with tight_house(tmp_path, failure=Failure.parse("tight@2")) as (house, _):
        stream = await house.stream()
        job = await accepted(house.mira, count=3)
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], ended["attempt"], len(ended["results"])) == ("succeeded", 2, 3)  # type: ignore[arg-type]
        told = [event["type"] for event in stream.seen if event["job"] == job["id"]]
        assert (told.count("job.requeued"), told.count("job.result")) == (1, 3)
        await stream.close()


@pytest.mark.parametrize("count", [1, 2])
async def test_a_picture_that_does_not_fit_in_tiles_either_ends_with_advice(tmp_path: Path, count: int) -> None:
    async with tight_house(tmp_path, failure=Failure.parse("oom@2")) as (house, _):
        stream = await house.stream()
        job = await accepted(house.mira, count=count)
        ended = await painted(house, stream, job["id"])
        error: Any = ended["error"]
        assert (ended["state"], ended["attempt"], error["code"]) == ("failed", 2, "engine_out_of_memory")
        assert "GPU" in error["message"] and "larger machine" in error["hint"]
        await stream.close()


async def ended_for_memory(house: House, address: str) -> None:
    """The kernel ends the engine in the middle of a picture; its machine starts it again, without what it had to do."""
    await house.until(MachineState.BUSY)
    house.provider.cloud.lose_engine("m1", SENTENCE, Trouble.MEMORY)
    await house.until(MachineState.WAKING)
    assert house.service.fleet.get("m1").message == SENTENCE
    async with asyncio.timeout(DEADLINE):
        while house.service.book.board.count_on_machine("m1"):
            await house.clock.advance(0)
            await asyncio.sleep(0.002)
    async with aiohttp.ClientSession() as session, session.post(f"{address}/interrupt") as answer:
        assert answer.status == 200


async def test_an_engine_ended_for_memory_is_waited_for_and_paints_frugally(tmp_path: Path) -> None:
    async with tight_house(tmp_path, timing=Timing(step=0.05)) as (house, address):
        stream = await house.stream()
        job = await accepted(house.mira)
        await ended_for_memory(house, address)
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
        assert (await decoders(address))[-1] == "VAEDecodeTiled"
        assert [call.name for call in house.provider.calls if call.name in ("start", "stop")] == ["start"]
        await stream.close()


async def test_an_engine_ended_for_memory_over_the_frugal_try_too_ends_the_job_with_advice(tmp_path: Path) -> None:
    async with tight_house(tmp_path, timing=Timing(step=0.05)) as (house, address):
        stream = await house.stream()
        job = await accepted(house.mira)
        for _ in range(2):
            await ended_for_memory(house, address)
        ended = await painted(house, stream, job["id"])
        error: Any = ended["error"]
        assert (ended["state"], ended["attempt"], error["code"]) == ("failed", 2, "engine_out_of_memory")
        assert error["message"].startswith("The machine ran out of memory")
        await stream.close()


async def test_an_engine_that_ends_for_another_reason_counts_an_attempt_and_paints_as_before(tmp_path: Path) -> None:
    async with tight_house(tmp_path, timing=Timing(step=0.05)) as (house, address):
        stream = await house.stream()
        job = await accepted(house.mira)
        await house.until(MachineState.BUSY)
        house.provider.cloud.lose_engine("m1", "The engine has ended (status 1).")
        ended = await painted(house, stream, job["id"])
        assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
        assert set(await decoders(address)) == {"VAEDecode"}
        await stream.close()
