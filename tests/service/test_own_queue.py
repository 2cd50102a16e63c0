"""An artist arranges her own jobs: to the front, all away; others wait no longer for it and lose nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import practice_engine
from tests.service.house import House, accepted
from wake_service.jobs.model import JobState
from wake_service.machines.model import MachineState
from wake_service.practice_engine.options import Options, Timing


async def ahead(house: House, *jobs: dict[str, Any]) -> list[int | None]:
    board = house.service.book.board
    return [board.ahead(found) for job in jobs if (found := board.get(job["id"])) is not None]


async def front(house: House, job: dict[str, Any]) -> dict[str, Any]:
    answer = await house.mira.ask("POST", f"/v1/jobs/{job['id']}/front")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_the_front_is_before_her_own_and_not_before_others(house: House) -> None:
    a, n, b, c = [await accepted(who) for who in (house.mira, house.noor, house.mira, house.mira)]
    assert (await front(house, c))["front"] is True
    assert await ahead(house, c, n, a, b) == [0, 1, 2, 3]
    await front(house, b)
    assert await ahead(house, b, n, c, a) == [0, 1, 2, 3]
    queue = [job.id for job in house.service.book.board.waiting("default")]
    assert queue == [b["id"], n["id"], c["id"], a["id"]]


async def test_a_job_can_be_asked_for_at_the_front(house: House) -> None:
    first, second = await accepted(house.mira), await accepted(house.mira, front=True)
    assert (first["front"], second["front"], second["ahead"]) == (False, True, 0)
    assert await ahead(house, second, first) == [0, 1]


async def test_the_front_outlives_a_restart(tmp_path: Path) -> None:
    async with House(tmp_path / "data").open() as house:
        first, second = await accepted(house.mira), await accepted(house.mira)
        await front(house, second)
    async with House(tmp_path / "data").open() as house:
        assert await ahead(house, second, first) == [0, 1]


async def test_new_places_are_told_to_those_who_listen(house: House) -> None:
    await accepted(house.mira)
    job = await accepted(house.mira)
    stream = await house.stream()
    await front(house, job)
    told = await stream.until(lambda envelope: envelope["type"] == "queue.changed" and envelope["job"] == job["id"])
    assert told["data"]["ahead"] == 0


@pytest.mark.parametrize("asked_in_front", [False, True])
async def test_what_the_engine_has_not_begun_with_makes_way(tmp_path: Path, asked_in_front: bool) -> None:
    """One is painted, one waits at the engine, one in the queue: the last comes before the second."""
    slow = Options(tmp_path / "engine", timing=Timing(step=0.05))
    async with practice_engine(slow) as address, House(tmp_path / "data", address).open() as house:
        jobs = [await accepted(house.mira, prompt=f"boat {n}") for n in range(2 if asked_in_front else 3)]
        stream = await house.stream()
        async with asyncio.timeout(20):
            while house.service.book.board.count_on_machine("m1") != 2:
                await house.clock.advance(0.1)
                await asyncio.sleep(0.001)
        await stream.until(lambda envelope: envelope["type"] == "job.running" and envelope["job"] == jobs[0]["id"])
        if asked_in_front:
            jobs.append(await accepted(house.mira, prompt="boat 2", front=True))
        else:
            await front(house, jobs[2])
        order = [(await stream.until_type("job.succeeded"))["job"] for _ in jobs]
    assert order == [jobs[0]["id"], jobs[2]["id"], jobs[1]["id"]]


async def test_the_front_of_what_does_not_wait_is_no_error_and_anothers_does_not_exist(house: House) -> None:
    job = await accepted(house.mira)
    assert (await house.noor.ask("POST", f"/v1/jobs/{job['id']}/front")).code == "not_found"
    await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")
    assert (await front(house, job))["state"] == "cancelled"


async def test_all_of_hers_go_at_once_and_the_machine_goes_back_to_sleep(house: House) -> None:
    jobs = [await accepted(house.mira) for _ in range(3)]
    await accepted(house.mira, gather=True)
    await house.until(MachineState.WAKING)
    answer = await house.mira.ask("DELETE", "/v1/jobs?which=mine")
    assert answer.json == {"cancelled": 4, "machine_sleeps": True}
    assert (await house.mira.ask("GET", f"/v1/jobs/{jobs[0]['id']}")).json["state"] == "cancelled"
    await house.until(MachineState.ASLEEP)
    assert (await house.mira.ask("DELETE", "/v1/jobs")).json == {"cancelled": 0, "machine_sleeps": None}


async def test_hers_do_not_take_others_along(house: House) -> None:
    kept = await accepted(house.noor)
    await accepted(house.mira)
    await house.until(MachineState.WAKING)
    assert (await house.mira.ask("DELETE", "/v1/jobs")).json == {"cancelled": 1, "machine_sleeps": False}
    assert house.service.book.board.get(kept["id"]) is not None


async def test_everybodys_go_when_an_admin_says_so_and_nobody_else(house: House) -> None:
    jobs = [await accepted(house.mira), await accepted(house.noor)]
    refused = await house.noor.ask("DELETE", "/v1/jobs?which=all")
    assert (refused.status, refused.code) == (403, "not_allowed")
    assert (await house.mira.ask("DELETE", "/v1/jobs?which=all")).json["cancelled"] == len(jobs)
    assert len(house.service.book.board) == 0


async def test_a_strange_choice_of_jobs_is_refused(house: House) -> None:
    answer = await house.mira.ask("DELETE", "/v1/jobs?which=theirs")
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_request", "which")


@pytest.mark.parametrize("wished", [False, True])
async def test_cancelling_the_last_job_says_whether_the_machine_goes_back_to_sleep(house: House, wished: bool) -> None:
    first, second = await accepted(house.mira), await accepted(house.mira)
    if wished:
        await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.WAKING)
    sleeps = [(await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")).json["machine_sleeps"] for job in (first, second)]
    assert sleeps == [False, not wished]


async def test_what_is_finished_of_a_batch_stays_and_is_paid_when_the_rest_is_cancelled(painting_house: House) -> None:
    house = painting_house
    job = await accepted(house.mira, count=10, width=256, height=256)
    async with asyncio.timeout(20):
        while (found := house.service.book.board.get(job["id"])) is not None and not found.results:
            await house.clock.advance(0.1)
            await asyncio.sleep(0.001)
    answer = (await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")).json
    assert answer["state"] == JobState.CANCELLED and 0 < len(answer["results"]) < 10
    assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}/results/0")).status == 200
