"""A machine's day: woken when somebody wants to paint, kept while it is needed, asleep when it is not."""

from __future__ import annotations

from tests.unit.machines.world import IDLE_SECONDS, MIRA, World
from wake_service.machines.ledger import Kind
from wake_service.machines.model import MachineState as S
from wake_service.machines.model import WakeStage


async def test_a_machine_sleeps_while_nobody_wants_it(world: World) -> None:
    await world.clock.advance(3600)
    assert (world.state, world.asked("start"), world.asked("stop")) == (S.ASLEEP, [], [])


async def test_a_job_wakes_it_and_it_is_ready_as_soon_as_its_engine_answers(world: World) -> None:
    stages = []
    await world.wants(queued=1)
    for seconds in (0, 8, 31):
        await world.clock.advance(seconds)
        stages.append(world.machine.stage)
    assert stages == [WakeStage.STARTING, WakeStage.BOOTING, WakeStage.BOOTING]
    await world.clock.advance(1)
    assert world.story == [S.WAKING, S.READY]
    assert world.asked("start") == [0.0]
    assert world.artists.attached["m1"].address == world.machine.address
    assert world.machine.engine is not None and world.machine.engine.practice


async def test_a_wish_wakes_it_too_and_lets_it_sleep_when_it_ends(world: World) -> None:
    await world.wants(wished_for=300)
    await world.clock.advance(299)
    assert world.state is S.READY
    await world.clock.advance(1)
    assert world.state is S.STOPPING


async def test_a_wake_that_nobody_wants_any_more_is_given_up(world: World) -> None:
    await world.wants(queued=1)
    await world.clock.advance(5)
    await world.wants()
    await world.clock.advance(60)
    assert world.story == [S.WAKING, S.DRAINING, S.STOPPING, S.ASLEEP]


async def test_after_work_it_rests_for_the_idle_time_then_drains_is_looked_at_and_stops(world: World) -> None:
    await world.awake()
    await world.works()
    await world.clock.advance(10 * IDLE_SECONDS)
    assert world.state is S.BUSY
    await world.rests()
    await world.clock.advance(IDLE_SECONDS - 1)
    assert (world.state, world.engine.looks) == (S.READY, 0)
    await world.clock.advance(1)
    assert (world.state, world.engine.looks) == (S.STOPPING, 1)
    assert world.artists.attached == {}
    await world.clock.advance(world.cloud.times.stopping)
    assert world.story == [S.WAKING, S.READY, S.BUSY, S.READY, S.DRAINING, S.STOPPING, S.ASLEEP]
    assert world.artists.losses == []


async def test_new_work_extends_the_lease(world: World) -> None:
    await world.awake()
    for _ in range(5):
        await world.works()
        await world.clock.advance(30)
        await world.rests()
        await world.clock.advance(IDLE_SECONDS - 30)
    assert world.state is S.READY
    assert world.asked("stop") == []


async def test_a_wake_during_draining_keeps_the_machine(world: World) -> None:
    await world.awake()
    await world.works()
    world.engine.may_be_looked_at.clear()
    await world.rests()
    await world.clock.advance(IDLE_SECONDS)
    assert world.state is S.DRAINING
    await world.wants(queued=1)
    world.engine.may_be_looked_at.set()
    await world.clock.advance(1)
    assert world.state is S.READY
    assert (world.asked("stop"), len(world.asked("start"))) == ([], 1)
    assert "m1" in world.artists.attached


async def test_a_wake_during_stopping_is_remembered_and_starts_at_asleep(world: World) -> None:
    await world.awake()
    await world.wants()
    await world.clock.advance(10)
    assert world.state is S.STOPPING
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.stopping - 11)
    assert (world.state, len(world.asked("start"))) == (S.STOPPING, 1)
    await world.clock.advance(1 + world.cloud.times.wake)
    assert world.state is S.READY
    assert len(world.asked("start")) == 2


async def test_work_that_somebody_else_gave_the_engine_keeps_it_awake(world: World) -> None:
    await world.awake()
    await world.works()
    world.engine.foreign = ("somebody-elses-prompt",)
    await world.rests()
    await world.clock.advance(3 * IDLE_SECONDS + 1)
    assert (world.state, world.asked("stop")) == (S.READY, [])
    world.engine.foreign = ()
    await world.clock.advance(IDLE_SECONDS)
    assert world.state is S.STOPPING


async def test_an_engine_that_does_not_answer_the_last_look_is_stopped(world: World) -> None:
    await world.awake()
    world.engine.answers = False
    await world.wants()
    await world.clock.advance(60)
    assert world.state is S.ASLEEP


async def test_a_machine_that_somebody_started_is_adopted_and_sleeps_when_nobody_needs_it(world: World) -> None:
    world.cloud.start("m1")
    await world.clock.advance(world.cloud.times.wake + world.cloud.times.stopping)
    assert world.story[0] is S.WAKING
    assert world.state is S.ASLEEP


async def test_a_machine_that_somebody_started_is_used_when_it_is_needed(world: World) -> None:
    world.cloud.start("m1")
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake)
    assert (world.state, world.asked("start")) == (S.READY, [])


async def test_a_silent_cloud_is_asked_often_enough(world: World) -> None:
    """Announcements are the rule; asking is the backstop."""
    world.cloud.silent = True
    await world.wants(queued=1)
    await world.clock.advance(world.cloud.times.wake + 30)
    assert world.state is S.READY


async def test_the_wake_is_booked_on_her_who_asked_and_work_on_its_job(world: World) -> None:
    await world.awake()
    await world.works()
    await world.clock.advance(10)
    await world.rests()
    await world.clock.advance(5)
    assert world.ledger.payer_of("m1") == MIRA.without_job()
    assert world.ledger.spent_micros("studio", world.clock.now()) == (40 + 10 + 5) * 1000
    interval = world.ledger._open["m1"]
    assert (interval.kind, interval.payer) == (Kind.IDLE, MIRA.without_job())


async def test_what_is_in_memory_is_in_the_database(world: World) -> None:
    await world.awake()
    await world.works()
    assert world.written() == (world.state, world.machine.generation)
    await world.rests()
    await world.clock.advance(IDLE_SECONDS)
    assert world.written() == (world.state, world.machine.generation)
