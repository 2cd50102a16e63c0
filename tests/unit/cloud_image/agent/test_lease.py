"""The lease is written for real work, and for nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_image.agent.commands import PASSING
from cloud_image.agent.lease import LOOK, TRY_AGAIN, Lease, LeaseRule
from cloud_image.agent.state import State
from cloud_image.agent.wire import Queue
from tests.unit.cloud_image.agent.conftest import Background
from tests.unit.cloud_image.agent.fakes import FakeCommands, nothing
from wake_service.clock import ManualClock

RULE = LeaseRule(seconds=1800, period=300)


@pytest.fixture
def commands() -> FakeCommands:
    return FakeCommands()


@pytest.fixture
def lease(commands: FakeCommands, state: State, clock: ManualClock, background: Background) -> Lease:
    lease = Lease(RULE, commands, state, clock, beat=nothing)
    background(lease.run())
    return lease


def written(commands: FakeCommands) -> list[int]:
    return [int(words[2]) for words in commands.ran]


async def test_a_machine_without_work_writes_none_however_long_it_idles(
    lease: Lease, commands: FakeCommands, state: State, clock: ManualClock
) -> None:
    state.facts = replace(state.facts, hold_until=clock.now() + 86_400, queue=Queue(0, 3))
    await clock.advance(7200)
    assert not commands.ran


async def test_a_running_prompt_renews_it_once_a_period(
    lease: Lease, commands: FakeCommands, state: State, clock: ManualClock
) -> None:
    await clock.advance(0)
    first_look = clock.now() + LOOK
    state.facts = replace(state.facts, queue=Queue(1, 0))
    await clock.advance(1000)
    assert written(commands) == [int(first_look + turn * RULE.period + RULE.seconds) for turn in range(4)]
    helper, verb, _ = commands.ran[0]
    assert (Path(helper).name, Path(helper).parent, verb) == ("wakebrush-cloud", Path(sys.executable).parent, "renew-lease")


async def test_a_prompt_between_two_looks_counts_and_the_lease_runs_from_its_end(
    lease: Lease, commands: FakeCommands, clock: ManualClock
) -> None:
    await clock.advance(LOOK)
    lease.worked(clock.now() - 2)
    ended = clock.now() - 2
    await clock.advance(3600)
    assert written(commands) == [int(ended + RULE.seconds)]


async def test_the_last_work_of_a_period_is_covered_when_the_period_is_over(
    lease: Lease, commands: FakeCommands, clock: ManualClock
) -> None:
    lease.worked(clock.now())
    await clock.advance(100)
    lease.worked(clock.now())
    last = clock.now()
    await clock.advance(3600)
    assert len(commands.ran) == 2 and written(commands)[-1] == int(last + RULE.seconds)


async def test_a_passing_failure_is_tried_again_soon(
    lease: Lease, commands: FakeCommands, state: State, clock: ManualClock
) -> None:
    commands.codes = [PASSING]
    lease.worked(clock.now())
    await clock.advance(LOOK)
    assert len(commands.ran) == 1
    await clock.advance(TRY_AGAIN)
    assert len(commands.ran) == 2 and not state.facts.happened


async def test_a_lease_that_cannot_be_written_is_said_once_and_tried_every_period(
    lease: Lease, commands: FakeCommands, state: State, clock: ManualClock
) -> None:
    commands.codes = [1] * 100
    lease.worked(clock.now())
    await clock.advance(4 * RULE.period - 1)
    assert len(commands.ran) == 4
    assert [happening.sentence for happening in state.facts.happened] == [
        "The machine's lease could not be written, so it may be stopped while it works: No such luck."
    ]


def test_a_clock_that_was_set_back_does_not_keep_it_from_being_written() -> None:
    assert RULE.due(worked_at=1000, covered_at=900, written_at=5000, now=1000)
    assert not RULE.due(worked_at=1000, covered_at=900, written_at=900, now=1000)
