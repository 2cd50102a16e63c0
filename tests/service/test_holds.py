"""Keeping a machine awake: capped, priced, within the budget, and let go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.house import PRICE, House
from wake_service.accounts.tokens import Scope
from wake_service.machines.model import MachineState


async def test_a_hold_keeps_the_machine_awake_beyond_its_idle_time(painting_house: House) -> None:
    house = painting_house
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    answer = await house.mira.ask("PUT", "/v1/machines/m1/hold", json={"seconds": 3600})
    assert answer.status == 200, answer.body
    assert answer.json["price"]["estimate"]["amount"] == PRICE / 1e6
    assert answer.json["until"] == answer.json["machine"]["held_until"] == answer.json["machine"]["sleeps_at"]
    await house.clock.advance(3500)
    assert house.state is MachineState.READY
    await house.mira.ask("DELETE", "/v1/machines/m1/hold")
    await house.until(MachineState.ASLEEP)


async def test_a_hold_is_capped(tmp_path: Path, practice_address: str) -> None:
    async with House(tmp_path / "data", practice_address, max_hold_seconds=600, wish_seconds=60).open() as house:
        await house.mira.ask("POST", "/v1/wake")
        await house.until(MachineState.READY)
        answer = await house.mira.ask("PUT", "/v1/machines/m1/hold", json={"seconds": 86_400})
        assert answer.json["price"]["estimate"]["amount"] == pytest.approx(PRICE / 1e6 / 6, abs=1e-6)
        await house.clock.advance(601)
        await house.until(MachineState.ASLEEP)


async def test_a_hold_that_the_month_cannot_bear_is_refused(tmp_path: Path, practice_address: str) -> None:
    async with House(tmp_path / "data", practice_address, month_budget=3.0).open() as house:
        await house.mira.ask("POST", "/v1/wake")
        await house.until(MachineState.READY)
        answer = await house.mira.ask("PUT", "/v1/machines/m1/hold", json={"seconds": 7200})
        assert (answer.status, answer.code) == (402, "budget_exhausted")
        assert house.service.fleet.get("m1").hold_until == 0.0


async def test_a_machine_that_is_asleep_cannot_be_held(house: House) -> None:
    answer = await house.mira.ask("PUT", "/v1/machines/m1/hold", json={"seconds": 60})
    assert (answer.status, answer.code) == (409, "machine_asleep")
    assert "wakes it" in answer.json["hint"]


@pytest.mark.parametrize("body", [{}, {"seconds": 0}, {"seconds": -5}, {"seconds": "long"}, {"seconds": 1e9}, {"hours": 1}])
async def test_a_hold_that_makes_no_sense_is_refused(house: House, body: dict[str, object]) -> None:
    answer = await house.mira.ask("PUT", "/v1/machines/m1/hold", json=body)
    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_only_who_may_paint_may_hold_and_only_a_machine_that_exists(house: House) -> None:
    looker = await house.token(Scope.READ)
    assert (await looker.ask("PUT", "/v1/machines/m1/hold", json={"seconds": 60})).status == 403
    assert (await house.mira.ask("PUT", "/v1/machines/m9/hold", json={"seconds": 60})).status == 404
    assert (await house.mira.ask("DELETE", "/v1/machines/m9/hold")).status == 404
