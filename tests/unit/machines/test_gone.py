"""A machine that is gone leaves nothing behind that grows with the number of machines there ever were."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import insert, select

from tests.unit.machines.world import InstantStore, World
from wake_service.clock import ManualClock
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.fleet import REMEMBERED_SECONDS, Fleet
from wake_service.machines.history import forget
from wake_service.machines.intervals import next_month_start
from wake_service.machines.ledger import Ledger
from wake_service.machines.lookout import ASK_AT_REST, UNLISTED_SECONDS
from wake_service.machines.model import Machine, MachineState
from wake_service.providers.base import Power, Sighting, Traits
from wake_service.providers.fake_cloud import FakeMachine
from wake_service.store.tables import ledger, machines, shares, standing, wakes

DAY = 86_400.0


def found(world: World, machine_id: str, pool: str = "default") -> Sighting:
    traits = Traits(pool, "g5.xlarge", "us-east-1a", False, 1_000_000)
    return Sighting(machine_id, Power.STOPPED, world.clock.now(), traits=traits)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(InstantStore(), ManualClock(), Ledger(), WakeEstimate(60.0))  # type: ignore[arg-type]


async def take_in_and_lose(fleet: Fleet, machine_id: str, at: float) -> None:
    await fleet.take_in(Machine(machine_id, "default", "ec2", 1, state=MachineState.GONE, since=at))


async def test_a_machine_that_is_gone_is_shown_for_a_day_and_then_forgotten(fleet: Fleet) -> None:
    now = ManualClock().now()
    await fleet.load([])
    await take_in_and_lose(fleet, "i-old", now - REMEMBERED_SECONDS)
    await take_in_and_lose(fleet, "i-young", now - REMEMBERED_SECONDS + 1)
    assert fleet.forget_gone() == ["i-old"]
    assert [machine.id for machine in fleet.all()] == ["i-young"]


async def test_a_machine_that_the_admin_has_configured_is_never_forgotten(fleet: Fleet) -> None:
    await fleet.load([Machine("m1", "default", "fake", 1, state=MachineState.GONE)])
    assert fleet.forget_gone() == []


async def test_a_machine_that_was_deleted_while_no_service_ran_is_gone_and_not_woken_for_ever(world: World) -> None:
    world.cloud.machines["m2"] = FakeMachine("m2", "http://m2.invalid:8188")
    await world.controller._lookout.observe(found(world, "m2"), "fake")
    await world.restart(lambda: world.cloud.machines.__delitem__("m2"))
    assert world.fleet.get("m2").state is MachineState.ASLEEP
    await world.clock.advance(UNLISTED_SECONDS + 2 * ASK_AT_REST)
    assert world.fleet.get("m2").state is MachineState.GONE
    assert world.fleet.get("m1").state is MachineState.ASLEEP
    await world.clock.advance(REMEMBERED_SECONDS + ASK_AT_REST)
    assert [machine.id for machine in world.fleet.all()] == ["m1"]


async def test_a_list_that_is_behind_for_a_moment_makes_nothing_gone(world: World) -> None:
    world.cloud.machines["m2"] = machine = FakeMachine("m2", "http://m2.invalid:8188")
    await world.controller._lookout.observe(found(world, "m2"), "fake")
    for _ in range(10):
        del world.cloud.machines["m2"]
        await world.clock.advance(UNLISTED_SECONDS - ASK_AT_REST)
        world.cloud.machines["m2"] = machine
        await world.clock.advance(2 * ASK_AT_REST)
    assert world.fleet.get("m2").state is MachineState.ASLEEP


async def test_somebody_elses_machine_is_mentioned_once_however_often_it_is_seen(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    world.cloud.machines["x1"] = FakeMachine("x1", "http://x1.invalid:8188")
    await world.clock.advance(100 * ASK_AT_REST)
    assert [record.getMessage() for record in caplog.records] == ["x1 is not a machine of this service"]


async def test_history_goes_in_portions_and_costs_by_whole_months() -> None:
    store, clock = InstantStore(), ManualClock()
    month = next_month_start(clock.now())
    kept_since = month + 10 * DAY
    wake = {"machine_id": "m", "requested_at": kept_since}
    cost = {"machine_id": "m", "kind": "work", "from_at": 0.0, "price_micros_per_hour": 1}
    gone = Machine("i-1", "default", "ec2", 1, state=MachineState.GONE, since=kept_since)
    fleet = Fleet(store, clock, Ledger(), WakeEstimate(60.0))  # type: ignore[arg-type]
    await fleet.take_in(gone)
    await fleet.take_in(Machine("i-2", "default", "ec2", 1, since=0.0))

    def fill(tx: object) -> None:
        conn = tx.conn  # type: ignore[attr-defined]
        conn.execute(insert(wakes), [wake, wake, wake | {"requested_at": kept_since + 1}])
        conn.execute(insert(ledger), [cost | {"to_at": month}, cost | {"to_at": month + 1}, cost | {"to_at": None}])
        conn.execute(insert(shares), [{"at": month - 1, "micros": 5}, {"at": month, "micros": 7}])
        conn.execute(insert(standing), [{"day": day, "what": "disk", "micros": 1} for day in ("2027-01-31", "2027-02-01")])

    await store.write(fill)
    portions = [await store.write(lambda tx: forget(tx, ended_before=kept_since, limit=1)) for _ in range(3)]
    assert portions == [1, 1, 0]

    async def kept(column: object) -> list[object]:
        return await store.read(lambda conn: list(conn.execute(select(column)).scalars()))  # type: ignore[call-overload]

    assert await kept(wakes.c.requested_at) == [kept_since + 1]
    assert set(await kept(ledger.c.to_at)) == {month + 1, None}
    assert await kept(shares.c.micros) == [7]
    assert await kept(standing.c.day) == ["2027-02-01"]
    assert await kept(machines.c.id) == ["i-2"]
