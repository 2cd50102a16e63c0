"""How long a wake takes, learned from those before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.machines.world import World
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.model import STAGES, Machine, MachineState, WakeStage
from wake_service.providers.fake_cloud import FakeTimes


def waking(stage: WakeStage) -> Machine:
    return Machine("m1", "default", "fake", 0, state=MachineState.WAKING, stage=stage)


def test_until_one_was_measured_the_setting_counts() -> None:
    assert WakeEstimate(60.0).wake_seconds() == pytest.approx(60.0)


def test_one_slow_wake_among_many_changes_little() -> None:
    estimate = WakeEstimate(60.0)
    for seconds in (10, 11, 12, 500):
        estimate.learn(WakeStage.BOOTING, seconds)
    assert estimate.stage_seconds(WakeStage.BOOTING) == 11.5


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
