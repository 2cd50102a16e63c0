"""When a machine must go though somebody needs it: its time is over, or its cloud wants it back; and who may keep it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.machines.world import IDLE_SECONDS, World
from wake_service.errors import NoCapacity, ProviderError
from wake_service.machines.autoscaler import Policy
from wake_service.machines.curfew import Curfew
from wake_service.machines.model import MachineState as S
from wake_service.providers.base import Notice, NoticeKind, Power, Sighting, Traits

TRAITS = Traits("default", "g5.xlarge", "us-east-1a", True, 1_006_000)


@pytest.fixture
async def short_lived() -> AsyncIterator[World]:
    """A machine that may be awake for 1,000 s, and finish what it has for 200 s more."""
    world = World(policy=Policy(max_uptime=1000, longest_job=200))
    await world.start()
    yield world
    await world.stop()
    assert world.engine.open_clients == 0, "a client was left open"


def taken_back(world: World, kind: NoticeKind) -> None:
    """The cloud says that it wants the machine back."""
    said = world.cloud.find("m1").sighting(world.clock.now())
    notice = Notice(kind, world.clock.now() + 120)
    world.cloud.announce(Sighting(said.machine_id, said.power, said.at, said.stage, said.address, said.boot, notice=notice))


@pytest.mark.parametrize("kind", list(NoticeKind))
async def test_a_machine_that_its_cloud_wants_back_finishes_what_it_has_and_takes_nothing_new(
    world: World, kind: NoticeKind
) -> None:
    await world.awake()
    await world.works()
    taken_back(world, kind)
    await world.wants(queued=1)
    assert world.state is S.DRAINING, "not even somebody who needs it keeps it"
    assert world.cloud.find("m1").draining
    await world.clock.advance(60)
    assert world.state is S.DRAINING
    await world.rests()
    assert world.state is S.STOPPING


async def test_what_a_machine_had_that_was_taken_back_is_queued_again_and_blamed_for_nothing(world: World) -> None:
    await world.awake()
    await world.works()
    taken_back(world, NoticeKind.INTERRUPTION)
    await world.clock.advance(120)
    world.cloud.die("m1", "")
    await world.clock.advance(1)
    assert world.artists.losses == ["The cloud took the machine back."]
    assert world.artists.blamed == [False]


async def test_after_it_was_taken_back_it_is_woken_again_for_who_waits(world: World) -> None:
    await world.awake()
    taken_back(world, NoticeKind.INTERRUPTION)
    await world.wants(queued=1)
    world.cloud.die("m1")
    await world.clock.advance(world.cloud.times.wake + 10)
    assert world.state is S.READY
    assert world.machine.notice is None


async def test_the_longest_time_drains_a_busy_machine_and_its_work_is_finished(short_lived: World) -> None:
    world = short_lived
    await world.awake()
    await world.works()
    await world.clock.advance(1000 - world.cloud.times.wake - 1)
    assert world.state is S.BUSY
    await world.clock.advance(1)
    assert world.state is S.DRAINING
    await world.rests()
    assert world.state is S.STOPPING
    assert world.artists.losses == []


async def test_beyond_the_longest_time_and_the_longest_job_its_work_is_queued_again(short_lived: World) -> None:
    world = short_lived
    await world.awake()
    await world.works()
    await world.clock.advance(1200 - world.cloud.times.wake - 1)
    assert world.state is S.DRAINING
    await world.clock.advance(1)
    assert world.state is S.STOPPING
    assert world.artists.losses == ["The machine had been awake for the longest time allowed."]
    assert world.artists.blamed == [False]


async def test_a_service_that_comes_back_knows_how_long_the_machine_has_been_awake(short_lived: World) -> None:
    world = short_lived
    await world.awake()
    await world.works()
    since = world.machine.awake_since
    await world.restart()
    assert world.machine.awake_since == since
    await world.clock.advance(1000)
    assert world.state is S.DRAINING


async def test_a_hold_keeps_an_idle_machine_awake_and_letting_go_ends_it(world: World) -> None:
    await world.awake()
    await world.controller.hold("m1", world.clock.now() + 3600)
    await world.wants()
    await world.clock.advance(3 * IDLE_SECONDS)
    assert world.state is S.READY
    await world.controller.hold("m1", 0.0)
    await world.clock.advance(0)
    assert world.state is S.STOPPING


async def test_a_hold_ends_by_itself(world: World) -> None:
    await world.awake()
    await world.controller.hold("m1", world.clock.now() + 500)
    await world.wants()
    await world.clock.advance(499)
    assert world.state is S.READY
    await world.clock.advance(1)
    assert world.state is S.STOPPING
    await world.clock.advance(60)
    assert (world.state, world.machine.hold_until) == (S.ASLEEP, 0.0)


async def test_before_a_stop_the_door_is_closed_and_then_it_is_looked_once_more(world: World) -> None:
    await world.awake()
    world.engine.may_be_looked_at.clear()
    await world.wants()
    await world.clock.advance(IDLE_SECONDS)
    assert (world.state, world.engine.looks) == (S.DRAINING, 1)
    assert world.cloud.find("m1").draining, "nobody can slip in between the look and the stop"


async def test_work_of_others_found_behind_the_closed_door_opens_it_again(world: World) -> None:
    await world.awake()
    world.engine.foreign = ("somebody-else's",)
    await world.wants()
    await world.clock.advance(IDLE_SECONDS)
    assert world.state is S.READY
    assert not world.cloud.find("m1").draining


async def test_a_machine_kept_while_draining_has_its_door_open_again(world: World) -> None:
    await world.awake()
    world.engine.may_be_looked_at.clear()
    await world.wants()
    await world.clock.advance(IDLE_SECONDS)
    await world.wants(queued=1)
    world.engine.may_be_looked_at.set()
    await world.clock.advance(1)
    assert world.state is S.READY
    assert not world.cloud.find("m1").draining


async def test_a_door_that_cannot_be_closed_does_not_keep_a_machine_awake(world: World) -> None:
    await world.awake()
    world.provider.fail("drain", ProviderError("Its agent is silent."), times=10)
    await world.wants()
    await world.clock.advance(IDLE_SECONDS + 60)
    assert world.state is S.ASLEEP


async def test_a_machine_that_is_new_in_the_cloud_is_taken_in_and_kept_in_mind(world: World) -> None:
    found = Sighting("i-2", Power.STOPPED, world.clock.now(), traits=TRAITS)
    world.cloud.announce(found)
    await world.clock.advance(0)
    machine = world.fleet.get("i-2")
    assert (machine.state, machine.instance_type, machine.zone, machine.spot) == (S.ASLEEP, "g5.xlarge", "us-east-1a", True)
    assert machine.price_micros_per_hour == 1_006_000
    await world.restart()
    assert world.fleet.get("i-2").zone == "us-east-1a"


@pytest.mark.parametrize(
    "seen",
    [
        Sighting("i-2", Power.STOPPED, 0.0),
        Sighting("i-2", Power.TERMINATED, 0.0, traits=TRAITS),
        Sighting("i-2", Power.RUNNING, 0.0, traits=Traits("somebody-else's", "g5.xlarge", "us-east-1a", False, 0)),
    ],
    ids=["nameless", "terminated", "another pool"],
)
async def test_what_is_not_ours_or_is_over_is_not_taken_in(world: World, seen: Sighting) -> None:
    world.cloud.announce(seen)
    await world.clock.advance(0)
    assert [machine.id for machine in world.fleet.all()] == ["m1"]


async def test_while_all_machines_are_taken_the_machine_says_so(world: World) -> None:
    world.provider.fail("start", NoCapacity("All g5.xlarge in us-east-1a are taken."))
    await world.wants(queued=1)
    await world.clock.advance(1)
    assert world.machine.no_capacity
    await world.clock.advance(120)
    assert (world.state, world.machine.no_capacity) == (S.READY, False)


async def test_a_machine_that_does_not_stop_does_not_keep_another_from_being_woken(world: World) -> None:
    await world.awake()
    world.cloud.announce(Sighting("i-2", Power.STOPPED, world.clock.now(), traits=TRAITS))
    world.cloud.add("i-2")
    world.cloud.stick("m1")
    await world.wants()
    await world.clock.advance(2 * world.policy.stop_deadline)
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake)
    assert world.fleet.get("i-2").state is S.READY


async def test_the_curfew_lets_a_picture_be_finished_and_the_rest_of_the_queue_wait_until_it_is_over() -> None:
    world = World(policy=Policy(curfew=Curfew.parse("08:05 - 09:00", "UTC")))
    await world.start()
    await world.awake()
    await world.works()
    await world.wants(queued=1)
    await world.clock.advance(300)
    assert world.state is S.DRAINING
    await world.rests()
    await world.clock.advance(60)
    assert world.state is S.ASLEEP
    await world.clock.advance(3600 - 410)
    assert world.state is S.ASLEEP
    await world.clock.advance(100)
    assert world.state is S.READY
    await world.stop()
