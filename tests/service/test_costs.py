"""What a month has cost: an artist sees herself and her team, an admin everybody; and it adds up."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.service.house import PRICE, House, accepted, generate
from wake_service.clock import iso
from wake_service.machines.ledger import Payer
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.standing import book_standing
from wake_service.store.tables import wakes

SECOND = PRICE / 3600 / 1e6


async def run(house: House, state: MachineState, payer: Payer | None, seconds: float) -> None:
    """Machine m2 is in a state for so long; m1 is left alone."""
    house.service.spending.limits.clear()
    now = house.clock.now()
    entry = house.service.ledger.switch(Machine("m2", "default", "fake", PRICE, state=state), payer, now)
    if entry is not None:
        await house.service.store.write(lambda tx: house.service.ledger.write(tx, entry))
    await house.clock.advance(seconds)


async def payer_of(house: House, whose: str) -> Payer:
    me = (await (house.mira if whose == "mira" else house.noor).ask("GET", "/v1/me")).json
    return Payer(me["team"]["id"], me["artist"]["id"])


async def a_wake_for_two(house: House) -> None:
    """100 s of waking and 200 s of rest around 30 s for one and 10 s for the other."""
    mira, noor = await payer_of(house, "mira"), await payer_of(house, "noor")
    await run(house, MachineState.WAKING, mira, 100)
    await run(house, MachineState.BUSY, Payer(mira.team_id, mira.artist_id, "j1"), 30)
    await run(house, MachineState.BUSY, Payer(noor.team_id, noor.artist_id, "j2"), 10)
    await run(house, MachineState.READY, noor, 200)
    await run(house, MachineState.ASLEEP, None, 0)


async def test_an_artist_sees_her_own_and_her_teams_part_and_nobody_elses(house: House) -> None:
    await a_wake_for_two(house)
    costs = (await house.noor.ask("GET", "/v1/costs")).json
    assert costs["everybody"] is None
    assert (costs["month"], costs["over"]) == ("2027-01", False)
    assert costs["artist"]["name"] == "Noor" and costs["artist"]["work_seconds"] == 10
    assert costs["artist"]["work"]["amount"] == pytest.approx(10 * SECOND)
    assert costs["artist"]["share"]["amount"] == pytest.approx(75 * SECOND)
    assert costs["team"]["total"] == costs["artist"]["total"]
    assert costs["team"]["limit"] is None and costs["artist"]["per_picture"] is None


async def test_an_admin_sees_everybody_and_it_adds_up(tmp_path: Path) -> None:
    async with House(tmp_path / "data", month_budget=20).open() as house:
        await a_wake_for_two(house)
        house.service.spending.limits.clear()
        everybody = (await house.mira.ask("GET", "/v1/costs?month=2027-01")).json["everybody"]
        assert everybody["seconds"] == {"wake": 100, "work": 40, "idle": 200}
        assert everybody["machines"]["total"]["amount"] == pytest.approx(340 * SECOND)
        assert sum(artist["total"]["amount"] for artist in everybody["artists"]) == pytest.approx(340 * SECOND)
        assert sum(team["total"]["amount"] for team in everybody["teams"]) == pytest.approx(340 * SECOND)
        assert {team["name"]: team["limit"] for team in everybody["teams"]}["studio"] == {"amount": 20, "currency": "USD"}
        assert everybody["nobody"]["amount"] == 0


async def test_beside_it_stands_what_a_machine_that_never_sleeps_would_have_cost(house: House) -> None:
    await a_wake_for_two(house)
    costs = (await house.mira.ask("GET", "/v1/costs")).json
    assert costs["from"] == iso(house.clock.now() - 340)  # this house was built then, in the midst of the month
    assert costs["everybody"]["always_on"]["amount"] == pytest.approx(340 * SECOND)
    assert costs["everybody"]["saved"] == 0
    await house.clock.advance(3060)
    everybody = (await house.mira.ask("GET", "/v1/costs")).json["everybody"]
    assert everybody["always_on"]["amount"] == pytest.approx(3400 * SECOND)
    assert everybody["saved"] == 0.9


async def test_disks_and_snapshots_count_for_the_deployment(house: House) -> None:
    now = house.clock.now()
    for _ in range(2):  # once a day, however often it is booked
        await house.service.store.write(partial(book_standing, inventory=[("disk vol-1", 31_000_000)], now=now))
    everybody = (await house.mira.ask("GET", "/v1/costs")).json["everybody"]
    assert (everybody["standing"]["amount"], everybody["total"]["amount"], everybody["machines"]["total"]["amount"]) == (1, 1, 0)


async def test_another_month_is_another_sum(house: House) -> None:
    await a_wake_for_two(house)
    december = (await house.mira.ask("GET", "/v1/costs?month=2026-12")).json
    assert (december["over"], december["artist"]["total"]["amount"]) == (True, 0)


@pytest.mark.parametrize("month", ["2026-13", "November", "2026-1", "", "1999-01", "2026-11-01"])
async def test_what_is_no_month_is_named(house: House, month: str) -> None:
    answer = await house.mira.ask("GET", f"/v1/costs?month={month}")
    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_request", "month")


async def test_a_used_up_budget_is_a_sentence_with_what_is_spent_and_what_it_would_take(tmp_path: Path) -> None:
    async with House(tmp_path / "data", month_budget=0.5).open() as house:
        answer = await generate(house.mira)
        assert (answer.status, answer.code) == (402, "budget_exhausted")
        assert answer.json["title"] == "The team's budget for January (0.5 USD) is used up."
        assert answer.json["hint"] == "Ask your admin, or wait until 1 February."
        assert "0.00 of 0.5 USD" in answer.json["detail"] and "studio" in answer.json["detail"]


async def test_what_stands_there_is_asked_for_and_booked_by_itself(tmp_path: Path) -> None:
    house = House(tmp_path / "data")

    async def inventory() -> list[tuple[str, int]]:
        return [("disk vol-1", 31_000_000)]

    house.service.machinery.standing = inventory
    async with house.open():
        await house.clock.advance(0)
        everybody = (await house.mira.ask("GET", "/v1/costs")).json["everybody"]
        assert everybody["standing"]["amount"] == 1


async def test_a_wake_is_written_down_up_to_the_first_step_she_sees(painting_house: House) -> None:
    house = painting_house
    await accepted(house.mira)
    await house.until(MachineState.READY)
    await house.until(MachineState.ASLEEP)
    wake = await house.service.store.read(lambda conn: conn.execute(select(wakes)).one())
    assert wake.requested_at <= wake.ready_at <= wake.first_step_at
    assert wake.pool == "default"
