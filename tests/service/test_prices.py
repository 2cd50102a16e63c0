"""What the button says: the marginal cost, asked for without asking for a picture."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.service.house import PRICE, TEXT, House, accepted
from tests.support.asgi import Caller
from wake_service.machines.model import MachineState


async def quote(who: Caller, **body: Any) -> Any:
    answer = await who.ask("POST", "/v1/price", json=TEXT | body)
    assert answer.status == 200, answer.body
    return answer.json


def amounts(price: dict[str, Any]) -> dict[str, float]:
    return {part: price[part]["amount"] for part in ("estimate", "wake", "pictures", "idle")}


async def test_while_all_sleep_wake_and_rest_are_part_of_it(house: House) -> None:
    price = (await quote(house.mira))["price"]
    per_second = PRICE / 3600 / 1e6
    told = amounts(price)
    assert told["wake"] == pytest.approx(house.service.settings.first_wake_estimate * per_second, abs=1e-5)
    assert told["idle"] == pytest.approx(house.service.settings.idle_seconds * per_second, abs=1e-5)
    assert told["estimate"] == pytest.approx(told["wake"] + told["pictures"] + told["idle"])
    assert price["includes_wake"] is True
    assert (await house.mira.ask("GET", "/v1/jobs")).json["jobs"] == []


async def test_more_pictures_cost_more_and_take_longer_and_wake_no_more(house: House) -> None:
    one, four = await quote(house.mira), await quote(house.mira, count=4)
    assert amounts(four["price"])["pictures"] == pytest.approx(4 * amounts(one["price"])["pictures"])
    assert amounts(four["price"])["wake"] == amounts(one["price"])["wake"]
    assert four["eta_seconds"] == pytest.approx(one["eta_seconds"] + 3 * house.service.exchange.picture_seconds)


async def test_a_wake_that_somebody_else_has_asked_for_is_not_hers(house: House) -> None:
    alone = (await quote(house.mira))["price"]
    await accepted(house.noor)
    price = (await quote(house.mira))["price"]
    assert (price["includes_wake"], amounts(price)["wake"], amounts(price)["idle"]) == (False, 0, 0)
    assert amounts(price)["pictures"] == amounts(alone)["pictures"] == amounts(price)["estimate"]


async def test_a_larger_picture_costs_more_once_one_was_measured(painting_house: House) -> None:
    house = painting_house
    before = [amounts((await quote(house.mira, width=side, height=side))["price"])["pictures"] for side in (64, 128)]
    assert before[0] == before[1] > 0
    job = await accepted(house.mira)
    async with asyncio.timeout(20):
        while house.service.book.board.get(job["id"]) is not None:
            await house.clock.advance(0.2)
            await asyncio.sleep(0.005)
    small, large, twice = [
        amounts((await quote(house.mira, **asked))["price"])["pictures"]
        for asked in (
            {"width": 64, "height": 64},
            {"width": 128, "height": 128},
            {"width": 128, "height": 128, "first_pass": {"width": 64, "height": 64}},
        )
    ]
    assert large == pytest.approx(4 * small, abs=2e-6) and small < twice < large


async def test_a_price_needs_nothing_said(house: House) -> None:
    answer = await house.mira.ask("POST", "/v1/price", json={})
    assert answer.status == 200 and answer.json["price"]["includes_wake"] is True


async def test_what_others_have_gathered_pays_for_no_wake(house: House) -> None:
    await accepted(house.noor, gather=True)
    assert (await quote(house.mira))["price"]["includes_wake"] is True


async def test_on_a_machine_that_is_up_only_the_pictures_cost(painting_house: House) -> None:
    house = painting_house
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    told = await quote(house.mira)
    assert told["price"]["includes_wake"] is False and amounts(told["price"])["wake"] == 0
    assert told["ahead"] == 0 and told["eta_seconds"] == pytest.approx(house.service.exchange.picture_seconds, abs=0.1)


async def test_a_quote_says_how_many_come_before_it_also_at_her_front(house: House) -> None:
    await accepted(house.noor)
    await accepted(house.mira)
    await accepted(house.noor)
    await accepted(house.mira)
    assert (await quote(house.mira))["ahead"] == 4
    assert (await quote(house.mira, front=True))["ahead"] == 1


async def test_the_price_of_a_job_is_the_one_that_was_asked_for(house: House) -> None:
    asked = (await quote(house.mira, count=3))["price"]
    answer = await house.mira.ask("POST", "/v1/generate", json=TEXT | {"count": 3})
    assert answer.json["price"] == asked


async def test_a_hold_costs_rest_and_nothing_else(painting_house: House) -> None:
    house = painting_house
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    answer = (await house.mira.ask("PUT", "/v1/machines/m1/hold", json={"seconds": 3600})).json
    assert amounts(answer["price"]) == {"estimate": PRICE / 1e6, "wake": 0, "pictures": 0, "idle": PRICE / 1e6}
    assert answer["machine"]["held_by"] == (await house.mira.ask("GET", "/v1/me")).json["artist"]["name"]
    let_go = (await house.mira.ask("DELETE", "/v1/machines/m1/hold")).json["machine"]
    assert (let_go["held_by"], let_go["held_until"]) == (None, None)
