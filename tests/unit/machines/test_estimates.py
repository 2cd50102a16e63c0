"""How long a wake takes, learned from those before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.unit.machines.world import World
from wake_service.machines.estimates import KEEP, WakeEstimate, quantile
from wake_service.machines.model import STAGES, Machine, MachineState, WakeStage
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.store.tables import wakes

ASLEEP = Machine("m1", "default", "fake", 0)


def waking(stage: WakeStage) -> Machine:
    return Machine("m1", "default", "fake", 0, state=MachineState.WAKING, stage=stage)


def test_until_one_was_measured_the_setting_counts() -> None:
    assert WakeEstimate(60.0).wake_seconds() == pytest.approx(60.0)


def test_one_slow_wake_among_many_changes_little() -> None:
    estimate = WakeEstimate(60.0)
    for seconds in (10, 11, 12, 500):
        estimate.learn(WakeStage.BOOTING, seconds)
    assert estimate.stage_seconds(WakeStage.BOOTING) == 12


@given(st.lists(st.floats(0, 1000), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_one_of_the_values_and_enough_lie_below(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values) or found == min(values)


@settings(deadline=None)
@given(st.lists(st.floats(1, 500), min_size=20, max_size=KEEP))
def test_three_wakes_in_four_are_no_longer_than_what_is_told(seconds: list[float]) -> None:
    estimate = WakeEstimate(60.0)
    for each in seconds:
        for stage in STAGES:
            estimate.learn(stage, each / len(STAGES))
        estimate.learn_wake(each)
    told = estimate.wake_seconds()
    assert sum(each <= told * 1.000001 for each in seconds) >= 0.75 * len(seconds)
    assert sum(each > estimate.slow_after() for each in seconds) <= 0.1 * len(seconds)


def test_a_wake_is_judged_by_its_own_kind_of_machine_and_zone_before_others() -> None:
    estimate = WakeEstimate(60.0)
    large = replace(ASLEEP, instance_type="g6e.xlarge", zone="us-east-1a")
    small = replace(ASLEEP, instance_type="g4dn.xlarge", zone="us-east-1a")
    elsewhere, unseen = replace(large, zone="us-east-1b"), replace(ASLEEP, pool="film", instance_type="p5.48xlarge")
    for machine, seconds in ((large, 40), (small, 90)):
        for _ in range(3):
            estimate.learn(WakeStage.BOOTING, seconds, machine)
    estimate.learn(WakeStage.BOOTING, 200, elsewhere)
    booting = {m.instance_type: estimate.stage_seconds(WakeStage.BOOTING, m) for m in (large, small, unseen)}
    assert booting == {"g6e.xlarge": 40, "g4dn.xlarge": 90, "p5.48xlarge": 90}
    assert estimate.stage_seconds(WakeStage.BOOTING, elsewhere) == 40  # seen once there: its type says more
    assert estimate.stage_seconds(WakeStage.BOOTING, replace(ASLEEP, instance_type=None)) == 90  # its pool


def test_while_few_wakes_were_measured_half_as_long_again_is_slow() -> None:
    assert WakeEstimate(60.0).slow_after() == 90.0
    assert WakeEstimate(4.0).slow_after() == 14.0


def test_a_clock_that_is_set_back_makes_no_wake_shorter_than_nothing() -> None:
    estimate = WakeEstimate(60.0)
    estimate.learn(WakeStage.BOOTING, -3600)
    assert estimate.stage_seconds(WakeStage.BOOTING) == 0.0


@given(st.sampled_from(STAGES), st.floats(0, 1000), st.floats(0, 1000))
def test_what_remains_never_grows_while_time_passes_nor_falls_below_what_follows(
    stage: WakeStage, earlier: float, more: float
) -> None:
    estimate = WakeEstimate(60.0)
    before = estimate.remaining(waking(stage), 0.0, earlier)
    after = estimate.remaining(waking(stage), 0.0, earlier + more)
    following = sum(map(estimate.stage_seconds, STAGES[STAGES.index(stage) + 1 :]))
    assert before is not None and after is not None
    assert before >= after >= following


@pytest.mark.parametrize("state", [state for state in MachineState if state is not MachineState.WAKING])
def test_a_machine_that_is_not_waking_has_no_time_left_to_wake(state: MachineState) -> None:
    assert WakeEstimate(60.0).remaining(Machine("m1", "default", "fake", 0, state=state), 0.0, 1.0) is None


async def test_a_service_learns_from_its_wakes_and_the_next_one_still_knows() -> None:
    world = World(FakeTimes(starting=8, booting=32))
    await world.start()
    await world.awake()
    assert world.fleet.estimate.stage_seconds(WakeStage.STARTING) == 8
    assert world.fleet.estimate.stage_seconds(WakeStage.BOOTING) == 32
    await world.wants()
    await world.clock.advance(60)
    await world.restart()
    assert world.fleet.estimate.stage_seconds(WakeStage.BOOTING) == 32
    assert world.fleet.estimate.wake_seconds() == pytest.approx(40, abs=1)
    await world.stop()


async def test_a_wake_is_written_down_up_to_the_first_step_of_the_first_job() -> None:
    world = World(FakeTimes(starting=8, booting=32))
    await world.start()
    await world.awake()
    await world.works()
    for _ in range(3):
        await world.clock.advance(7)
        world.fleet.first_step("m1")
    await world.rests()
    with world.store.engine.connect() as conn:
        wake = conn.execute(select(wakes)).one()
    moments = (wake.requested_at, wake.starting_at, wake.booting_at, wake.engine_at, wake.ready_at, wake.first_step_at)
    told = [None if moment is None else moment - world.began for moment in moments]
    assert (told[0], told[2], told[4], told[5]) == (0, 8, 40, 47)
    assert (wake.pool, wake.instance_type, wake.spot) == ("default", None, False)
    await world.stop()
