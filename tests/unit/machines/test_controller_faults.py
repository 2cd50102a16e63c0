"""Clouds refuse, engines hang, disks fill up, services restart: the machine is never lost from sight, nor the job."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tests.unit.machines.world import World
from wake_service.errors import NoCapacity, ProviderError, ProviderTimeout, StorageFull
from wake_service.machines.autoscaler import Demand
from wake_service.machines.model import MachineState as S
from wake_service.providers.base import Trouble
from wake_service.providers.fake_cloud import FakeTimes


async def test_a_refused_start_is_tried_again_with_growing_pauses_until_it_works(world: World) -> None:
    world.provider.fail("start", NoCapacity("No machine of this kind is free."), times=5)
    await world.wants(queued=1)
    assert world.machine.message == "No machine of this kind is free."
    await world.clock.advance(600)
    assert world.state is S.READY
    pauses = [later - earlier for earlier, later in pairwise(world.asked("start"))]
    assert len(pauses) == 5
    assert pauses == sorted(pauses) and pauses[0] >= 2 and pauses[-1] >= 16
    assert (world.machine.failures, world.machine.message) == (0, None)


async def test_a_start_that_was_accepted_though_nobody_heard_the_answer_is_used(world: World) -> None:
    world.provider.fail("start", ProviderTimeout("No answer."), acted=True)
    await world.wants(queued=1)
    await world.clock.advance(600)
    assert world.state is S.READY


async def test_a_slow_answer_to_a_start_is_no_failed_wake() -> None:
    """Meanwhile the cloud still says "stopped", and says so whenever it is asked."""
    world = World(FakeTimes(answer=6))
    await asyncio.gather(world.start(), world.clock.advance(37))
    await world.wants(queued=1)
    await world.clock.advance(70)
    assert world.story == [S.WAKING, S.READY]
    assert len(world.asked("start")) == 1
    await world.stop()


async def test_a_wake_that_takes_too_long_is_given_up_stopped_and_tried_again(world: World) -> None:
    world.cloud.stick("m1")
    await world.wants(queued=1)
    await world.clock.advance(world.policy.wake_deadline)
    assert S.FAILED in world.story
    world.cloud.unstick("m1")
    await world.clock.advance(300)
    assert world.state is S.READY


async def test_a_stop_that_takes_too_long_is_forced(world: World) -> None:
    await world.awake()
    world.cloud.stick("m1")
    await world.wants()
    await world.clock.advance(world.policy.stop_deadline + 10)
    assert S.FAILED in world.story
    world.cloud.unstick("m1")
    await world.clock.advance(2 * world.policy.stop_deadline)
    assert world.state is S.ASLEEP
    assert [call.force for call in world.provider.calls if call.name == "stop"] == [False, True, True]


async def test_a_refused_stop_is_tried_again(world: World) -> None:
    await world.awake()
    world.provider.fail("stop", ProviderError("Not now."), times=3)
    await world.wants()
    await world.clock.advance(120)
    assert world.state is S.ASLEEP


async def test_a_machine_that_is_terminated_is_gone_and_its_job_goes_back(world: World) -> None:
    await world.awake()
    await world.works()
    world.cloud.terminate("m1", "Somebody deleted it.")
    await world.wants(queued=1)
    await world.clock.advance(1000)
    assert world.state is S.GONE
    assert world.artists.losses == ["Somebody deleted it."]
    assert len(world.asked("start")) == 1


async def test_a_machine_that_falls_over_is_woken_again_for_the_job_it_held(world: World) -> None:
    await world.awake()
    await world.works()
    world.cloud.die("m1")
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake)
    assert world.state is S.READY
    assert world.artists.losses == ["The engine ended by itself (signal 9)."]
    assert world.artists.attachments == ["m1-1", "m1-2"]


async def test_a_machine_that_was_started_anew_behind_our_back_gives_its_job_back_first(world: World) -> None:
    await world.awake()
    await world.works()
    world.cloud.silent = True
    world.cloud.die("m1")
    world.cloud.start("m1")
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake + 60)
    assert len(world.artists.losses) == 1
    assert world.artists.attachments == ["m1-1", "m1-2"]


@pytest.mark.parametrize("trouble", Trouble)
async def test_an_engine_that_ends_gives_its_job_back_and_is_put_to_work_again_in_the_same_life(
    world: World, trouble: Trouble
) -> None:
    await world.awake()
    await world.works()
    world.cloud.lose_engine("m1", "The engine has ended.", trouble)
    await world.wants(queued=1)
    assert (world.state, world.artists.losses, world.artists.blamed) == (S.WAKING, ["The engine has ended."], [True])
    assert world.artists.memory == [trouble is Trouble.MEMORY]
    await world.clock.advance(world.cloud.times.booting)
    assert (world.state, world.machine.message) == (S.READY, None)
    assert len(set(world.artists.attachments)) == 1 and len(world.artists.attachments) == 2
    assert (len(world.asked("start")), world.asked("stop")) == (1, [])


async def test_an_engine_that_cannot_be_reached_costs_its_machine_a_forced_stop(world: World) -> None:
    """The one who says so is a task of the workload, which ends with the machine."""
    await world.awake()
    await world.works()

    async def follow() -> None:
        await world.controller.report_lost("m1", "The engine cannot be reached any more.")
        await asyncio.Event().wait()

    world.artists.following = asyncio.create_task(follow())
    await world.clock.advance(1)
    assert world.artists.losses == ["The engine cannot be reached any more."]
    assert world.artists.following.cancelled()
    await world.clock.advance(world.cloud.times.forced_stopping + 2)
    assert world.state is S.ASLEEP
    assert [call.force for call in world.provider.calls if call.name == "stop"] == [True]


async def test_an_engine_that_does_not_greet_is_asked_again_until_it_does(world: World) -> None:
    world.engine.answers = False
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake + 10)
    assert world.state is S.WAKING
    world.engine.answers = True
    await world.clock.advance(2)
    assert world.state is S.READY


async def test_a_cloud_that_cannot_be_asked_stops_nothing_else(world: World) -> None:
    world.provider.fail("machines", ProviderTimeout("No answer."), times=1000)
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake)
    assert world.state is S.READY


# -- the disk is full -----------------------------------------------------------------------------------------------


async def test_a_wake_that_could_not_be_written_down_happens_once_there_is_room(world: World) -> None:
    world.store.full = True
    await world.wants(queued=1)
    await world.clock.advance(20)
    world.store.full = False
    await world.clock.advance(180)
    assert world.state is S.READY


async def test_what_could_not_be_written_down_does_not_spoil_what_comes_after(world: World) -> None:
    await world.awake()
    world.store.full = True
    await world.wants()
    await world.clock.advance(10)
    world.store.full = False
    await world.clock.advance(120)
    assert world.state is S.ASLEEP
    assert world.written() == (S.ASLEEP, world.machine.generation)


async def test_a_lost_job_goes_back_once_there_is_room(world: World) -> None:
    await world.awake()
    await world.works()
    world.artists.trouble = StorageFull("The disk is full.")
    world.cloud.die("m1")
    await world.clock.advance(30)
    assert world.artists.losses == []
    world.artists.trouble = None
    await world.clock.advance(10)
    assert world.artists.losses == ["The engine ended by itself (signal 9)."]
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake + 60)
    assert world.state is S.READY


async def test_a_machine_is_put_to_work_once_there_is_room(world: World) -> None:
    world.artists.trouble = StorageFull("The disk is full.")
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake + 10)
    assert world.artists.attached == {}
    world.artists.trouble = None
    await world.clock.advance(10)
    assert "m1" in world.artists.attached


# -- the service is started again -----------------------------------------------------------------------------------


async def test_the_next_service_adopts_a_machine_in_the_same_life(world: World) -> None:
    await world.awake()
    await world.works()
    await world.restart()
    assert (world.state, world.asked("start")) == (S.BUSY, [])
    assert world.artists.attachments == ["m1-1", "m1-1"]
    assert world.artists.losses == []
    await world.rests()
    await world.clock.advance(1000)
    assert world.state is S.ASLEEP


async def test_the_next_service_lets_an_idle_machine_sleep(world: World) -> None:
    await world.awake()
    await world.works()
    await world.rests()
    await world.restart()
    assert world.state is S.READY
    await world.clock.advance(1000)
    assert world.state is S.ASLEEP


async def test_the_next_service_learns_what_happened_meanwhile(world: World) -> None:
    await world.awake()
    await world.works()
    await world.restart(meanwhile=lambda: world.cloud.die("m1"))
    assert world.state is S.ASLEEP
    assert len(world.artists.losses) == 1


async def test_the_next_service_gives_back_what_an_earlier_life_of_the_machine_held(world: World) -> None:
    await world.awake()
    await world.works()

    def start_anew() -> None:
        world.cloud.die("m1")
        world.cloud.start("m1")
        world.artists.wanted = Demand(queued=1)

    await world.restart(meanwhile=start_anew)
    assert len(world.artists.losses) == 1
    assert world.artists.attachments == ["m1-1", "m1-2"]


@pytest.mark.parametrize("seconds", [0, 5, 20, 39])
async def test_a_wake_goes_on_when_the_service_is_started_again_in_the_middle(world: World, seconds: float) -> None:
    await world.wants(queued=1)
    await world.clock.advance(seconds)
    await world.restart()
    await world.clock.advance(100)
    assert world.state is S.READY
    assert world.artists.attachments == ["m1-1"]


async def test_a_stop_goes_on_when_the_service_is_started_again_in_the_middle(world: World) -> None:
    await world.awake()
    await world.wants()
    assert world.state is S.STOPPING
    await world.restart()
    assert world.state is S.ASLEEP


async def test_an_engine_that_does_not_answer_the_next_service_costs_its_machine_a_stop(world: World) -> None:
    await world.awake()
    await world.works()
    world.engine.answers = False
    await world.restart()
    await world.clock.advance(60)
    assert len(world.artists.losses) == 1
    assert world.state is S.ASLEEP
    assert [call.force for call in world.provider.calls if call.name == "stop"] == [True]


async def test_a_new_price_counts_from_the_next_start(world: World) -> None:
    """The price is a setting of the admin's; the database only keeps what was paid."""
    await world.restart()
    dearer = type(world.machine)("m1", "default", "fake", 7_200_000)
    await world.fleet.load([dearer])
    assert world.machine.price_micros_per_hour == 7_200_000


async def test_why_a_wake_failed_is_said_until_one_has_begun(world: World) -> None:
    world.provider.fail("start", ProviderError("The cloud has closed for today."), times=6)
    await world.wants(queued=1)
    said = []
    for _ in range(40):
        await world.clock.advance(1)
        said.append((world.state, world.machine.message))
    assert {message for _, message in said} == {"The cloud has closed for today."}
    assert {state for state, _ in said} >= {S.ASLEEP, S.STOPPING}
    await world.clock.advance(120)
    assert (world.state, world.machine.message) == (S.READY, None)
