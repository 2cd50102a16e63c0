"""A hand-over step by step: out of work, wiped, known to be, and only then looked at again. It is no wake."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from tests.unit.machines.world import World
from wake_service.errors import ProviderError, StorageFull
from wake_service.machines import model
from wake_service.machines.model import HANDED_OVER, IllegalOrder, Machine, MachineState, WakeStage
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.store.tables import wakes

S = MachineState


async def test_a_machine_at_rest_is_wiped_and_comes_back_as_after_a_wake(world: World) -> None:
    await world.awake()
    world.story.clear()
    assert world.controller.hand_over("m1")
    await world.clock.advance(0)
    assert (world.state, world.machine.message, world.artists.attached) == (S.WAKING, HANDED_OVER, {})
    await world.clock.advance(world.cloud.times.booting)
    assert world.story == [S.WAKING, S.READY] and world.machine.message is None
    assert world.artists.handing_over == ["vacated", "wiped"]
    assert len(world.artists.attachments) == 2 and list(world.artists.attached) == ["m1"]
    assert world.cloud.machines["m1"].wiped == 1


async def test_it_keeps_its_life_and_since_when_it_is_awake(world: World) -> None:
    await world.awake()
    before = world.machine
    world.controller.hand_over("m1")
    await world.clock.advance(world.cloud.times.booting)
    after = world.machine
    assert (after.boot, after.awake_since, after.failures) == (before.boot, before.awake_since, 0)


async def test_it_is_written_down_as_no_wake_and_teaches_nothing_about_wakes(world: World) -> None:
    await world.awake()
    before = world.fleet.estimate.wake_seconds(world.machine)
    world.controller.hand_over("m1")
    await world.clock.advance(world.cloud.times.booting)
    count = await world.store.read(lambda conn: conn.execute(select(func.count()).select_from(wakes)).scalar_one())
    assert (world.state, count, world.fleet.estimate.wake_seconds(world.machine)) == (S.READY, 1, before)


async def test_the_old_engine_that_still_answers_is_not_taken_for_the_new_one() -> None:
    """While the order is under way, every look at the machine finds an engine."""
    world = World(FakeTimes(answer=6))
    await asyncio.gather(world.start(), world.clock.advance(37))
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake + 20)
    assert world.state is S.READY
    world.story.clear()
    world.controller.hand_over("m1")
    await world.clock.advance(3)
    world.cloud.announce(world.cloud.find("m1").sighting(world.clock.now()))
    await world.clock.advance(2)
    assert world.machine.stage is WakeStage.BOOTING, "it is not what is waited for"
    assert world.story == [S.WAKING] and world.artists.attachments == [world.machine.boot]
    await world.clock.advance(world.cloud.times.booting + 20)
    assert world.story == [S.WAKING, S.READY] and world.artists.handing_over == ["vacated", "wiped"]
    await world.stop()


@pytest.mark.parametrize("acted", [False, True])
async def test_one_that_was_not_surely_wiped_goes_on_and_is_said_not_to_be(world: World, acted: bool) -> None:
    await world.awake()
    world.provider.fail("hand_over", ProviderError("Nobody knows."), acted=acted)
    world.controller.hand_over("m1")
    await world.clock.advance(world.cloud.times.booting + 5)
    assert (world.state, world.artists.handing_over) == (S.READY, ["vacated", "not wiped"])
    assert list(world.artists.attached) == ["m1"], "whose it is can go on"


async def test_one_with_work_of_others_is_left_alone(world: World) -> None:
    await world.awake()
    world.engine.foreign = ("somebody's",)
    world.controller.hand_over("m1")
    await world.clock.advance(5)
    assert (world.asked("hand_over"), world.artists.handing_over) == ([], ["vacated", "not wiped"])
    assert (world.state, list(world.artists.attached)) == (S.READY, ["m1"])


async def test_that_it_was_wiped_is_stored_before_anybody_works_on_it(world: World) -> None:
    await world.awake()
    world.artists.trouble = StorageFull("The disk is full.")
    world.controller.hand_over("m1")
    await world.clock.advance(world.cloud.times.booting + 60)
    assert (world.state, world.artists.handing_over) == (S.WAKING, ["vacated"])
    world.artists.trouble = None
    await world.clock.advance(10)
    assert (world.state, world.artists.handing_over) == (S.READY, ["vacated", "wiped"])


async def test_a_machine_that_stops_meanwhile_was_not_wiped(world: World) -> None:
    await world.awake()
    world.engine.may_be_looked_at.clear()
    world.controller.hand_over("m1")
    await world.clock.advance(0)
    world.cloud.die("m1")
    world.engine.may_be_looked_at.set()
    await world.clock.advance(1)
    assert world.artists.handing_over == ["vacated", "not wiped"]


async def test_one_that_never_comes_back_has_failed_to_wake(world: World) -> None:
    await world.awake()
    world.cloud.stick("m1")
    world.controller.hand_over("m1")
    await world.clock.advance(world.policy.wake_deadline + 1)
    assert S.FAILED in world.story


@pytest.mark.parametrize("state", [state for state in S if state is not S.READY])
async def test_only_a_machine_at_rest_can_be_handed_over(state: MachineState) -> None:
    with pytest.raises(IllegalOrder):
        model.handing_over(Machine("m1", "default", "fake", 1, state=state), 1.0)


async def test_one_that_sleeps_is_not(world: World) -> None:
    assert not world.controller.hand_over("m1")
    await world.clock.advance(1)
    assert world.state is S.ASLEEP and world.artists.handing_over == []
