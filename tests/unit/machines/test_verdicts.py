"""What is done about a machine, over random histories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wake_service.machines.verdicts import (
    Cause,
    Deed,
    Reading,
    ReaperPolicy,
    Verdict,
    Watched,
    cause,
    covered_until,
    pause,
    remember,
    suspects,
    verdicts,
)
from wake_service.providers.base import Power
from wake_service.providers.leases import Holding, Inventory, Probe

POLICY = ReaperPolicy(period=60.0)
NOW = 1_800_000_000.0
UP = (Power.STARTING, Power.RUNNING)
ENDS = (Deed.STOP, Deed.FORCE)


def machine(**changes: object) -> Holding:
    known = Holding("m1", "default", Power.RUNNING, NOW - 3600, NOW - 1, None)
    return replace(known, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("holding", "until"),
    [
        (machine(lease_until=NOW + 5), NOW + 5),
        (machine(lease_until=None), NOW - 3600 + POLICY.grace),
        (machine(hold_until=NOW + 600), NOW + 600),
        (machine(hold_until=NOW + POLICY.max_hold), NOW + POLICY.max_hold),
        (machine(hold_until=NOW + 400 * 86400), NOW - 3600 + POLICY.max_hold),
        (machine(lease_until=None, hold_until=NOW - 86400), NOW - 3600 + POLICY.grace),
    ],
)
def test_a_machine_is_covered_by_the_longer_of_lease_and_hold(holding: Holding, until: float) -> None:
    assert covered_until(holding, NOW, POLICY) == until


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (NOW, None),
        (NOW + POLICY.max_uptime, None),
        (NOW + POLICY.max_uptime + POLICY.longest_job - 1, None),
        (NOW + POLICY.max_uptime + POLICY.longest_job, Cause.UPTIME),
    ],
)
def test_no_lease_is_longer_than_the_longest_time_a_machine_may_be_awake(at: float, why: Cause | None) -> None:
    assert cause(machine(launched_at=NOW, lease_until=NOW + 10 * 86400), at, POLICY) is why


def test_a_clock_is_wrong_only_by_what_the_duration_of_the_call_does_not_explain() -> None:
    assert Reading(NOW - 90, NOW, Inventory(NOW - 80, ())).skew == 0
    assert Reading(NOW - 90, NOW, Inventory(NOW + 70, ())).skew == 70
    assert Reading(NOW - 90, NOW, Inventory(NOW - 160, ())).skew == -70


@dataclass(frozen=True)
class Moment:
    """What happens to one machine between two readings."""

    wait: float
    skew: float
    power: Power
    reborn: bool
    lease: float | None
    hold: float | None
    probe: Probe


ends = st.one_of(st.none(), st.floats(-300, 300), st.sampled_from([-3600.0, 7200.0, 9e6]))
moments = st.builds(
    Moment,
    wait=st.sampled_from([1.0, 20.0, 29.0, 30.0, 45.0, 60.0, 400.0, 3600.0]),
    skew=st.sampled_from([0.0] * 6 + [59.0, -59.0, 61.0, -3600.0]),
    power=st.sampled_from([Power.RUNNING] * 8 + [Power.STARTING, Power.STOPPING, Power.STOPPED, Power.TERMINATED]),
    reborn=st.sampled_from([False] * 9 + [True]),
    lease=ends,
    hold=ends,
    probe=st.sampled_from(Probe),
)
histories = st.lists(moments, min_size=1, max_size=25)


@dataclass(frozen=True)
class Step:
    moment: Moment
    reading: Reading
    memory: Mapping[str, Watched]
    decided: list[Verdict]

    @property
    def holding(self) -> Holding:
        return self.reading.inventory.machines[0]

    @property
    def at(self) -> float:
        return self.reading.inventory.at


def play(history: list[Moment]) -> Iterator[Step]:
    """What a reaper decides along a history; its orders come to nothing, so that it has to decide again and again."""
    own, launched = NOW, NOW
    memory: dict[str, Watched] = {}
    for moment in history:
        own += moment.wait
        launched = own if moment.reborn else launched
        at = float(int(own + moment.skew))
        lease, hold = (None if end is None else at + end for end in (moment.lease, moment.hold))
        holding = Holding("m1", "default", moment.power, launched, lease, hold)
        reading = Reading(own, own, Inventory(at, (holding,)))
        memory = remember(memory, reading, POLICY)
        probes = dict.fromkeys(suspects(memory, reading, POLICY), moment.probe)
        yield Step(moment, reading, memory, verdicts(memory, reading, probes, POLICY))


def stopped(step: Step) -> bool:
    return step.holding.power in UP and any(verdict.deed in ENDS for verdict in step.decided)


def too_long(step: Step) -> bool:
    return step.at >= step.holding.launched_at + POLICY.max_uptime + POLICY.longest_job


STALE = Moment(60.0, 0.0, Power.RUNNING, False, -1.0, None, Probe.EMPTY)


@given(histories)
@example([STALE, replace(STALE, lease=60.0)])
def test_a_machine_whose_lease_or_hold_covers_the_clouds_time_is_never_stopped(history: list[Moment]) -> None:
    for step in play(history):
        if stopped(step) and not too_long(step):
            assert step.at >= covered_until(step.holding, step.at, POLICY)


@given(histories)
@example([STALE, replace(STALE, probe=Probe.WORKING)])
def test_a_machine_that_works_is_never_stopped_before_its_time_is_over(history: list[Moment]) -> None:
    for step in play(history):
        if stopped(step) and not too_long(step):
            assert step.moment.probe is not Probe.WORKING


@given(histories)
@example([STALE, replace(STALE, skew=61.0)])
@example([replace(STALE, skew=61.0), STALE])
@example([replace(STALE, skew=-61.0), STALE])
@example([replace(STALE, power=Power.STOPPING), replace(STALE, power=Power.STOPPING, wait=400.0, skew=61.0)])
def test_clocks_that_disagree_stop_nothing_at_either_of_the_two_readings(history: list[Moment]) -> None:
    steps = list(play(history))
    for before, step in zip([None, *steps], steps, strict=False):
        if step.decided:
            assert abs(step.reading.skew) <= POLICY.max_skew
        if stopped(step):
            assert before is not None and abs(before.reading.skew) <= POLICY.max_skew


@given(histories)
@example([STALE, replace(STALE, reborn=True)])
@example([STALE, replace(STALE, wait=20.0)])
def test_a_stop_needs_two_readings_in_a_row_half_a_period_apart_of_the_same_life(history: list[Moment]) -> None:
    steps = list(play(history))
    for number, step in enumerate(steps):
        if not stopped(step):
            continue
        row = []
        for earlier in reversed(steps[: number + 1]):
            against = cause(earlier.holding, earlier.at, POLICY) is None or earlier.holding.power not in UP
            if against or earlier.holding.launched_at != step.holding.launched_at:
                break
            row.append(earlier.at)
        assert step.at - min(row) >= POLICY.period / 2 - 1


@given(
    st.lists(moments, max_size=10),
    st.floats(60, 7200),
    st.sampled_from([Probe.EMPTY, Probe.SILENT]),
    st.sampled_from(UP),
    st.booleans(),
)
def test_a_stale_machine_without_work_is_stopped_within_two_periods(
    before: list[Moment], stale: float, probe: Probe, power: Power, lag: bool
) -> None:
    """Read as often as the reaper reads; at first possibly just before its lease ends."""
    ended = [Moment(60.0, 0.0, power, False, -stale, None, probe)] * 3
    own_pauses = [replace(moment, wait=POLICY.period / 2) for moment in ended[1:]]
    almost = [Moment(1.0, 0.0, power, False, 1.0, None, probe)] if lag else []
    steps = list(play([*before, *almost, ended[0], *own_pauses]))[-3:]
    first = next(step for step in steps if stopped(step) or any(v.deed in ENDS for v in step.decided))
    assert first.reading.asked_at - steps[0].reading.asked_at + 60.0 <= 2 * POLICY.period + 1


@given(histories)
def test_the_next_reading_is_between_half_a_period_and_a_period_away(history: list[Moment]) -> None:
    for step in play(history):
        assert POLICY.period / 2 <= pause(step.memory, step.reading, POLICY) <= POLICY.period


@given(histories)
def test_nothing_is_remembered_of_machines_that_sleep(history: list[Moment]) -> None:
    for step in play(history):
        assert (step.holding.machine_id in step.memory) is (step.holding.power in (*UP, Power.STOPPING))


def test_the_same_answer_twice_is_no_second_look() -> None:
    reading = Reading(NOW, NOW, Inventory(NOW, (machine(),)))
    memory = remember({}, reading, POLICY)
    late = replace(reading, asked_at=NOW + 50, answered_at=NOW + 50)
    assert not suspects(remember(memory, late, POLICY), late, POLICY)
