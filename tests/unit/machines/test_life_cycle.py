"""A machine's life: orders inside the table, observations from any state, and a generation that tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.machines.samples import NOW, machines
from wake_service.machines import model
from wake_service.machines.model import COSTING, ORDERS, IllegalOrder, Machine, MachineState, WakeStage
from wake_service.providers.base import BootStage, Power, Sighting, Trouble

S = MachineState

#: What may be ordered, written down a second time.
TABLE = {
    S.ASLEEP: {S.WAKING},
    S.WAKING: {S.READY, S.FAILED, S.DRAINING},
    S.READY: {S.BUSY, S.DRAINING},
    S.BUSY: {S.READY, S.DRAINING, S.FAILED},
    S.DRAINING: {S.READY, S.BUSY, S.STOPPING},
    S.STOPPING: {S.ASLEEP, S.FAILED},
    S.FAILED: {S.WAKING, S.STOPPING, S.GONE},
    S.GONE: set(),
}

#: What each power may make of a machine, besides leaving it as it is: "observed from the cloud, from any state".
OBSERVED = {
    Power.STARTING: {S.WAKING},
    Power.RUNNING: {S.WAKING},
    Power.STOPPING: {S.STOPPING},
    Power.STOPPED: {S.ASLEEP},
    Power.TERMINATED: {S.GONE},
}


@st.composite
def sightings(draw: st.DrawFn, at: float = NOW) -> Sighting:
    power = draw(st.sampled_from(list(Power)))
    up = power in (Power.STARTING, Power.RUNNING)
    return Sighting(
        machine_id="m1",
        power=power,
        at=at,
        stage=draw(st.sampled_from([None, *BootStage])) if up else None,
        address=draw(st.sampled_from([None, "http://127.0.0.1:8188"])) if up else None,
        boot=draw(st.sampled_from([None, "b1", "b2", "b3"])),
        trouble=draw(st.sampled_from([None, *Trouble])),
        message=draw(st.sampled_from([None, "It fell over."])),
    )


class Life(RuleBasedStateMachine):
    """One machine under every sequence of orders and observations."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.machine = Machine("m1", "default", "fake", 1_000_000)

    @rule(seconds=st.floats(0.0, 500.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(state=st.sampled_from(list(S)))
    def somebody_orders(self, state: MachineState) -> None:
        before = self.machine
        if state not in TABLE[before.state]:
            with pytest.raises(IllegalOrder):
                model.order(before, state, self.now)
            return
        self.machine = model.order(before, state, self.now)
        assert self.machine.state is state
        assert self.machine.generation > before.generation
        assert self.machine.since == self.now

    @rule(data=st.data())
    def the_cloud_is_seen(self, data: st.DataObject) -> None:
        sighting = data.draw(sightings(self.now))
        before = self.machine
        self.machine = model.observe(before, sighting, self.now)
        if self.machine is before:
            return
        assert self.machine.generation > before.generation
        assert self.machine.state is before.state or self.machine.state in OBSERVED[sighting.power]
        if self.machine.state is not before.state:
            assert self.machine.since == self.now

    @rule(data=st.data())
    def the_same_is_seen_twice(self, data: st.DataObject) -> None:
        """Backstop and announcement often tell the same: the second time changes nothing."""
        sighting = data.draw(sightings(self.now))
        self.machine = model.observe(self.machine, sighting, self.now)
        assert model.observe(self.machine, sighting, self.now) is self.machine

    @invariant()
    def a_stage_belongs_to_a_wake(self) -> None:
        assert (self.machine.stage is not None) == (self.machine.state is S.WAKING)

    @invariant()
    def a_machine_that_is_off_has_no_address(self) -> None:
        if self.machine.state in (S.ASLEEP, S.GONE):
            assert (self.machine.boot, self.machine.address) == (None, None)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=80, stateful_step_count=40)


def test_the_table_of_orders_is_the_designed_one() -> None:
    assert {state: set(allowed) for state, allowed in ORDERS.items()} == TABLE


@given(machines(), sightings())
def test_what_is_stopped_is_asleep_from_any_state(machine: Machine, seen: Sighting) -> None:
    """But for a sighting from before the start was asked for."""
    after = model.observe(machine, Sighting("m1", Power.STOPPED, seen.at), NOW)
    stale = machine.state is S.WAKING and machine.stage is WakeStage.REQUESTED and seen.at <= machine.since
    assert after.state is (S.WAKING if stale else S.ASLEEP)


@given(machines())
def test_what_is_terminated_is_gone_and_what_shuts_down_is_stopping_from_any_state(machine: Machine) -> None:
    assert model.observe(machine, Sighting("m1", Power.TERMINATED, NOW), NOW).state is S.GONE
    assert model.observe(machine, Sighting("m1", Power.STOPPING, NOW), NOW).state is S.STOPPING


@given(st.sampled_from([S.ASLEEP, S.GONE]), sightings())
def test_what_runs_unasked_is_waking(state: MachineState, seen: Sighting) -> None:
    machine = Machine("m1", "default", "fake", 0, state=state)
    after = model.observe(machine, Sighting("m1", Power.RUNNING, NOW, seen.stage, seen.address, "b1"), NOW)
    assert (after.state, after.boot) == (S.WAKING, "b1")


@pytest.mark.parametrize("state", [S.READY, S.BUSY])
@pytest.mark.parametrize("trouble", Trouble)
def test_an_engine_that_ended_is_waited_for_as_at_the_end_of_a_wake(state: MachineState, trouble: Trouble) -> None:
    machine = Machine("m1", "default", "fake", 0, state=state, boot="b1", address="http://old", awake_since=5.0)
    ended = Sighting("m1", Power.RUNNING, NOW, BootStage.BOOTING, boot="b1", message="It ended.", trouble=trouble)
    after = model.observe(machine, ended, NOW)
    assert (after.state, after.stage, after.boot, after.message) == (S.WAKING, WakeStage.BOOTING, "b1", "It ended.")
    assert (after.awake_since, after.since) == (5.0, NOW), "the longest time it may be awake goes on"
    unheard = Sighting("m1", Power.RUNNING, NOW, BootStage.BOOTING, boot="b1")
    assert model.observe(machine, unheard, NOW) is machine, "an engine that is only not heard has not ended"


def test_a_machine_that_is_to_stop_is_not_kept_for_an_engine_that_ended() -> None:
    machine = Machine("m1", "default", "fake", 0, state=S.DRAINING, boot="b1")
    ended = Sighting("m1", Power.RUNNING, NOW, BootStage.BOOTING, boot="b1", trouble=Trouble.OTHER)
    assert model.observe(machine, ended, NOW) is machine


@pytest.mark.parametrize("state", [S.READY, S.BUSY, S.DRAINING])
def test_a_machine_that_was_started_anew_meanwhile_is_waking_again(state: MachineState) -> None:
    machine = Machine("m1", "default", "fake", 0, state=state, boot="b1", address="http://old")
    after = model.observe(machine, Sighting("m1", Power.RUNNING, NOW, BootStage.BOOTING, None, "b2"), NOW)
    assert (after.state, after.boot, after.address, after.stage) == (S.WAKING, "b2", None, WakeStage.BOOTING)


def test_a_wake_never_falls_back_to_an_earlier_stage() -> None:
    machine = Machine("m1", "default", "fake", 0, state=S.WAKING, stage=WakeStage.BOOTING, boot="b1")
    late = Sighting("m1", Power.STARTING, NOW, BootStage.STARTING, boot="b1")
    assert model.observe(machine, late, NOW).stage is WakeStage.BOOTING


@pytest.mark.parametrize("state", [S.WAKING, S.READY, S.BUSY])
def test_a_machine_that_falls_over_is_not_woken_without_a_pause_for_ever(state: MachineState) -> None:
    machine, pauses = Machine("m1", "default", "fake", 0, state=state), []
    for _ in range(9):
        machine = model.observe(machine, Sighting("m1", Power.STOPPED, NOW), NOW)
        pauses.append(machine.retry_at - NOW)
        machine = model.order(machine, S.WAKING, NOW - 1)
    assert pauses == [0, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("state", [S.DRAINING, S.STOPPING])
def test_the_end_of_a_normal_day_is_no_failure(state: MachineState) -> None:
    machine = Machine("m1", "default", "fake", 0, state=state)
    after = model.observe(machine, Sighting("m1", Power.STOPPED, NOW), NOW)
    assert (after.failures, after.retry_at) == (0, 0.0)


@given(machines(), st.floats(NOW - 100, NOW + 100))
def test_a_lease_is_only_ever_extended_and_is_no_order(machine: Machine, until: float) -> None:
    after = model.renew_lease(machine, until)
    assert after.lease_until == max(machine.lease_until, until)
    assert after.generation == machine.generation


def test_only_a_machine_that_is_off_costs_nothing() -> None:
    assert {state for state in S if state not in COSTING} == {S.ASLEEP, S.GONE}
