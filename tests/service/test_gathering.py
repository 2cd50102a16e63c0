"""Ideas are gathered while the machine sleeps: they cost nothing and wake nothing until they are let in together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.service.house import House, accepted, generate
from tests.service.test_barred_models import LORA, bar, know
from wake_service.accounts.tokens import Scope
from wake_service.machines.model import MachineState

HOURS = 4 * 3600


async def job_of(house: House, job_id: str) -> dict[str, object]:
    job: dict[str, object] = (await house.mira.ask("GET", f"/v1/jobs/{job_id}")).json
    return job


async def test_what_is_gathered_wakes_nothing_and_is_in_nobodys_way(house: House) -> None:
    gathered = await accepted(house.mira, gather=True, group="press 1")
    assert (gathered["state"], gathered["waiting_for"], gathered["ahead"]) == ("queued", "gathered", None)
    assert (gathered["eta_seconds"], gathered["group"]) == (None, "press 1")
    for _ in range(5):
        await house.clock.advance(60)
    assert house.state is MachineState.ASLEEP
    assert (await accepted(house.noor))["ahead"] == 0


async def test_one_release_lets_all_of_hers_in_at_one_price(house: House) -> None:
    first, second = [await accepted(house.mira, gather=True, count=2) for _ in range(2)]
    others = await accepted(house.noor, gather=True)
    asked = (await house.mira.ask("POST", "/v1/price", json={"gathered": True})).json["price"]
    answer = await house.mira.ask("POST", "/v1/gathered/release")
    assert answer.status == 200, answer.body
    assert [job["id"] for job in answer.json["jobs"]] == [first["id"], second["id"]]
    assert {job["waiting_for"] for job in answer.json["jobs"]} == {"machine_waking"}
    assert answer.json["price"] == asked and asked["includes_wake"] is True
    assert house.service.book.board.gathered(house.service.book.board.get(others["id"]).artist_id)  # type: ignore[union-attr]
    await house.until(MachineState.WAKING)
    again = await house.mira.ask("POST", "/v1/gathered/release")
    assert (again.json["jobs"], again.json["price"]["estimate"]["amount"]) == ([], 0)


async def test_a_release_is_told_to_those_who_listen(house: House) -> None:
    job = await accepted(house.mira, gather=True)
    stream = await house.stream()
    await house.mira.ask("POST", "/v1/gathered/release")
    told = await stream.until_type("job.waiting")
    while told["data"]["job"]["waiting_for"] == "no_machine":  # until the wake has begun
        told = await stream.until_type("job.waiting")
    assert (told["job"], told["data"]["job"]["waiting_for"]) == (job["id"], "machine_waking")


async def test_what_is_gathered_waits_though_the_machine_is_awake_and_is_painted_once_released(painting_house: House) -> None:
    house = painting_house
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    job = await accepted(house.mira, gather=True)
    for _ in range(3):
        await house.clock.advance(5)
    assert (await job_of(house, str(job["id"])))["waiting_for"] == "gathered"
    await house.mira.ask("POST", "/v1/gathered/release")
    async with asyncio.timeout(20):
        while (await job_of(house, str(job["id"])))["state"] != "succeeded":
            await house.clock.advance(0.2)
            await asyncio.sleep(0.01)


async def test_what_is_gathered_outlives_a_restart_and_waits_for_hours(tmp_path: Path) -> None:
    async with House(tmp_path / "data").open() as house:
        job = await accepted(house.mira, gather=True, group="ideas")
    async with House(tmp_path / "data").open() as house:
        await house.clock.advance(HOURS)
        found = await job_of(house, str(job["id"]))
        assert (found["waiting_for"], found["group"], house.state) == ("gathered", "ideas", MachineState.ASLEEP)
        released = (await house.mira.ask("POST", "/v1/gathered/release")).json["jobs"]
        assert [each["id"] for each in released] == [job["id"]]


async def test_what_is_gathered_can_be_cancelled(house: House) -> None:
    job = await accepted(house.mira, gather=True)
    answer = await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")
    assert (answer.json["state"], answer.json["machine_sleeps"]) == ("cancelled", None)
    assert (await house.mira.ask("POST", "/v1/gathered/release")).json["jobs"] == []


async def test_gathering_needs_no_budget_and_releasing_does(tmp_path: Path) -> None:
    async with House(tmp_path / "data", month_budget=0.5).open() as house:
        assert (await generate(house.mira)).code == "budget_exhausted"
        job = await accepted(house.mira, gather=True)
        answer = await house.mira.ask("POST", "/v1/gathered/release")
        assert (answer.status, answer.code) == (402, "budget_exhausted")
        assert (await job_of(house, str(job["id"])))["waiting_for"] == "gathered"


async def test_what_was_barred_meanwhile_is_not_let_in(house: House) -> None:
    know(house, (LORA, "no"))
    job = await accepted(house.mira, gather=True)
    other = await accepted(house.mira, gather=True, style="practice-sketch")
    await bar(house, "no")
    answer = await house.mira.ask("POST", "/v1/gathered/release")
    assert (answer.status, answer.code, answer.json["job"]) == (403, "model_barred", job["id"])
    await house.mira.ask("DELETE", f"/v1/jobs/{job['id']}")
    released = (await house.mira.ask("POST", "/v1/gathered/release")).json["jobs"]
    assert [each["id"] for each in released] == [other["id"]]


async def test_who_may_only_look_may_ask_for_a_price_and_release_nothing(house: House) -> None:
    looker = await house.token(Scope.READ)
    assert (await looker.ask("POST", "/v1/price", json={"gathered": True})).status == 200
    assert (await looker.ask("POST", "/v1/gathered/release")).status == 403
    assert (await looker.ask("POST", "/v1/jobs/x/front")).status == 403
    assert (await looker.ask("DELETE", "/v1/jobs")).status == 403


@pytest.mark.parametrize("body", [{"count": 0}, {"count": 11}, {"gathered": "yes"}, {"front": 1}, []])
async def test_a_price_of_nonsense_is_refused(house: House, body: object) -> None:
    answer = await house.mira.ask("POST", "/v1/price", json=body)
    assert (answer.status, answer.code) == (422, "invalid_request")
