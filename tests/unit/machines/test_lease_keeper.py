"""The leases that machines carry are true, and cost few calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.clock import ManualClock
from wake_service.errors import ProviderError
from wake_service.machines.leases import SLACK, LeaseKeeper, Wanted, Written, due_at, lease_to_write
from wake_service.providers.fake_cloud import FakeCloud
from wake_service.providers.fake_leases import FakeLeased

IDLE, WAKE = 1800.0, 2700.0
HOUR = 3600.0


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leased = FakeLeased(FakeCloud(self.clock, ["m1", "m2"]))
        self.keeper = LeaseKeeper(self.leased, self.clock, margin=IDLE, wake_seconds=WAKE)

    @property
    def writes(self) -> int:
        return self.leased.calls["renew"]

    @property
    def left(self) -> float:
        """Seconds that the lease of m1 still runs."""
        return (self.leased.tags_of("m1").lease_until or 0.0) - self.clock.now()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    running = asyncio.create_task(world.keeper.run())
    yield world
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_machine_is_leased_before_it_is_started_for_as_long_as_a_wake_may_take(world: World) -> None:
    await world.keeper.before_start("m1")
    assert world.left >= WAKE


async def test_a_wake_that_cannot_be_leased_is_not_begun(world: World) -> None:
    world.leased.troubles["renew"] = ProviderError("no")
    with pytest.raises(ProviderError):
        await world.keeper.before_start("m1")


async def test_a_machine_at_work_is_always_leased_for_half_the_idle_time_at_least(world: World) -> None:
    world.keeper.want("m1", 0.0, working=True)
    for _ in range(120):
        await world.clock.advance(60)
        assert world.left >= IDLE / 2


async def test_an_hour_of_short_pictures_costs_few_writes(world: World) -> None:
    await world.keeper.before_start("m1")
    for _ in range(240):
        world.keeper.want("m1", world.clock.now() + IDLE, working=True)
        await world.clock.advance(10)
        world.keeper.want("m1", world.clock.now() + IDLE)
        await world.clock.advance(5)
        assert world.left >= IDLE / 2
    assert world.writes <= 6


async def test_a_machine_at_rest_costs_no_writes_and_its_lease_ends_when_it_should(world: World) -> None:
    ends = world.clock.now() + IDLE
    world.keeper.want("m1", ends)
    await world.clock.advance(0)
    assert world.writes == 1 and world.leased.tags_of("m1").lease_until == ends + SLACK
    await world.clock.advance(24 * HOUR)
    assert world.writes == 1


async def test_work_that_ends_early_leaves_a_lease_that_covers_the_idle_time(world: World) -> None:
    await world.keeper.before_start("m1")
    world.keeper.want("m1", 0.0, working=True)
    await world.clock.advance(2 * HOUR)
    ends = world.clock.now() + IDLE
    world.keeper.want("m1", ends)
    await world.clock.advance(IDLE)
    assert world.leased.tags_of("m1").lease_until == ends + SLACK


async def test_a_hold_is_written_at_once_and_taken_away_at_once(world: World) -> None:
    now = world.clock.now()
    world.keeper.want("m1", now + IDLE, now + HOUR)
    await world.clock.advance(0)
    assert world.leased.tags_of("m1").hold_until == now + HOUR
    world.keeper.want("m1", now + IDLE)
    await world.clock.advance(0)
    assert world.leased.tags_of("m1").hold_until is None


async def test_a_hold_that_is_over_is_not_taken_away(world: World) -> None:
    now = world.clock.now()
    world.keeper.want("m1", now + 10, now + 60)
    await world.clock.advance(61)
    world.keeper.want("m1", now + 10)
    await world.clock.advance(HOUR)
    assert world.writes == 1


async def test_a_write_that_failed_is_repeated_and_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.leased.troubles["renew"] = ProviderError("too many calls")
    world.keeper.want("m1", 0.0, working=True)
    await world.clock.advance(600)
    assert 5 <= world.writes <= 15
    assert caplog.text.count("could not be written") == 1
    del world.leased.troubles["renew"]
    await world.clock.advance(60)
    assert world.left >= IDLE


async def test_trouble_with_one_machine_leaves_the_others_their_leases(world: World) -> None:
    world.leased.cloud.machines.pop("m2")
    world.keeper.want("m2", 0.0, working=True)
    world.keeper.want("m1", 0.0, working=True)
    await world.clock.advance(2 * HOUR)
    assert world.left >= IDLE / 2


async def test_a_forgotten_machine_is_left_alone(world: World) -> None:
    world.keeper.want("m1", 0.0, working=True)
    await world.clock.advance(0)
    world.keeper.forget("m1")
    await world.clock.advance(5 * HOUR)
    assert world.writes == 1


async def test_a_lease_that_is_over_is_not_written(world: World) -> None:
    world.keeper.want("m1", 0.0)
    await world.clock.advance(HOUR)
    assert world.writes == 0


async def test_a_start_is_not_undone_by_a_write_that_began_before_it(world: World) -> None:
    world.leased.cloud.times = type(world.leased.cloud.times)(answer=3.0)
    world.keeper.want("m1", world.clock.now() + 60)
    await world.clock.advance(1)
    starting = asyncio.create_task(world.keeper.before_start("m1"))
    await world.clock.advance(10)
    await starting
    assert world.left > WAKE


moments = st.floats(0, 10_000)


@given(st.builds(Wanted, moments, st.none(), st.booleans()), st.builds(Written, moments), moments, st.floats(60, 5000))
def test_what_is_written_needs_no_second_write_at_once(wanted: Wanted, written: Written, now: float, margin: float) -> None:
    due = due_at(wanted, written, now, margin)
    if due <= now:
        after = Written(lease_to_write(wanted, now, margin))
        assert due_at(wanted, after, now, margin) >= now + margin / 2
    elif max(wanted.lease_until, now if wanted.working else 0.0) > now:
        assert written.lease_until > now, "a wanted machine is without a lease"
