"""Machines, wishes, budgets, styles: what an artist sees before she paints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.house import PRICE, House, accepted, generate
from wake_service.errors import ProviderError
from wake_service.machines.model import MachineState


async def test_a_sleeping_machine_says_what_a_wake_takes_and_costs(house: House) -> None:
    (machine,) = (await house.mira.ask("GET", "/v1/machines")).json["machines"]
    assert (machine["id"], machine["state"], machine["stage"], machine["eta_seconds"]) == ("m1", "asleep", None, None)
    assert machine["price_per_hour"] == {"amount": PRICE / 1e6, "currency": "USD"}
    assert machine["wake_seconds"] == house.service.settings.first_wake_estimate
    assert (machine["engine"], machine["message"], machine["sleeps_at"]) == (None, None, None)


async def test_a_wish_wakes_the_machine_and_says_until_when(painting_house: House) -> None:
    house = painting_house
    answer = await house.mira.ask("POST", "/v1/wake")
    assert answer.status == 202
    assert answer.json["machine"]["id"] == "m1"
    assert answer.json["price"]["includes_wake"] is True
    assert answer.json["until"].endswith("Z")
    await house.until(MachineState.READY)
    (machine,) = (await house.mira.ask("GET", "/v1/machines")).json["machines"]
    assert machine["engine"]["practice"] is True and machine["engine"]["name"].startswith("Practice mode")
    assert (await house.mira.ask("POST", "/v1/wake")).json["price"]["includes_wake"] is False


async def test_a_machine_that_fails_says_so_in_a_sentence(house: House) -> None:
    house.provider.fail("start", ProviderError("The cloud has closed for today."), times=100)
    stream = await house.stream()
    await house.mira.ask("POST", "/v1/wake")
    failed = await stream.until(lambda event: event["data"].get("machine", {}).get("state") == "failed")
    assert failed["data"]["machine"]["message"] == "The cloud has closed for today."
    await stream.close()


async def test_an_exhausted_budget_wakes_nothing_and_is_named(tmp_path: Path) -> None:
    async with House(tmp_path / "data", month_budget=0.5).open() as house:
        for answer in (await house.mira.ask("POST", "/v1/wake"), await generate(house.mira)):
            assert (answer.status, answer.code) == (402, "budget_exhausted")
            assert "0.5 USD" in answer.json["title"] and "studio" in answer.json["detail"]
        await house.clock.advance(100)
        assert house.provider.calls and all(call.name == "machines" for call in house.provider.calls)
        assert (await house.noor.ask("POST", "/v1/wake")).status == 202


async def test_a_job_whose_budget_ended_waits_for_it_also_after_a_restart(tmp_path: Path) -> None:
    """Nobody of her team has come in yet: the service knows the limit all the same."""
    async with House(tmp_path / "data").open() as house:
        house.provider.fail("start", ProviderError("No."), times=1000)
        job = await accepted(house.mira)
    async with House(tmp_path / "data", month_budget=0.5).open() as house:
        await house.clock.advance(200)
        assert all(call.name != "start" for call in house.provider.calls)
        assert (await house.mira.ask("GET", f"/v1/jobs/{job['id']}")).json["state"] == "queued"


async def test_me_tells_name_team_limits_and_what_is_left(tmp_path: Path) -> None:
    async with House(tmp_path / "data", month_budget=20).open() as house:
        me = (await house.mira.ask("GET", "/v1/me")).json
        assert (me["artist"]["name"], me["team"]["name"], me["roles"], me["scopes"]) == (
            "artist",
            "studio",
            ["admin"],
            ["paint", "read"],
        )
        assert me["budget"] == {
            "limit": {"amount": 20.0, "currency": "USD"},
            "spent": {"amount": 0.0, "currency": "USD"},
            "month": "2027-01",
            "resets_at": "2027-02-01T00:00:00.000Z",
        }
        assert set(me["limits"]) == {"max_pixels", "max_blob_bytes", "max_count", "max_prompt"}
        assert (await house.noor.ask("GET", "/v1/me")).json["budget"] is None


async def test_styles_are_known_while_nobody_knows_what_the_engine_has(house: House) -> None:
    styles = (await house.mira.ask("GET", "/v1/styles")).json["styles"]
    assert "practice-gouache" in {style["name"] for style in styles}
    assert {style["available"] for style in styles} == {None}
    assert (await house.mira.ask("GET", "/v1/models")).json == {
        "models": [],
        "samplers": [],
        "schedulers": [],
        "as_of": None,
    }


async def test_styles_and_models_are_known_once_an_engine_was_seen_and_stay_known(painting_house: House) -> None:
    house = painting_house
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    await house.until(MachineState.ASLEEP)
    styles = (await house.mira.ask("GET", "/v1/styles")).json["styles"]
    models = (await house.mira.ask("GET", "/v1/models")).json
    assert {style["available"] for style in styles} == {True}
    unknown = {"name": "", "commercial": None}
    assert {"name": "practice-sd15.safetensors", "folder": "checkpoints", "licence": unknown} in models["models"]
    assert models["as_of"] is not None
    assert "dpmpp_2m" in models["samplers"] and "karras" in models["schedulers"]


@pytest.mark.parametrize(("capacity", "status", "said"), [(None, 200, "ok"), (0, 503, "storage_full")])
async def test_readiness_says_when_no_work_can_be_taken(house: House, capacity: int | None, status: int, said: str) -> None:
    house.blobs.capacity = capacity
    answer = await house.anybody.ask("GET", "/readyz")
    assert (answer.status, answer.json["status"]) == (status, said)


async def test_nothing_is_ready_before_it_has_started(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    assert (await house.anybody.ask("GET", "/readyz")).json["status"] == "starting"
    async with house.open():
        assert (await house.anybody.ask("GET", "/readyz")).json["status"] == "ok"
