"""What the report says of what is known."""

from __future__ import annotations

from dataclasses import replace

from cloud_image.agent.state import HOLD, REPORTED_HAPPENINGS, WORK, Facts, State, Verdict, report
from cloud_image.agent.wire import Disk, Gpu, Queue
from wake_service.clock import ManualClock

FACTS = Facts(machine="i-0abc", boot="boot 1")
IDLE = replace(FACTS, verdict=Verdict(sleeps_at=2000.0))


def test_an_idle_machine_says_when_it_will_sleep() -> None:
    said = report(IDLE, 1000.0, "1")
    assert (said.sleeps_at, said.awake_because) == (2000.0, ())


def test_work_that_the_idle_monitor_has_not_seen_yet_keeps_the_machine_awake() -> None:
    for queue in (Queue(1, 0), Queue(0, 1)):
        said = report(replace(IDLE, queue=queue), 1000.0, "1")
        assert (said.sleeps_at, said.awake_because) == (None, (WORK,))


def test_a_hold_keeps_the_machine_awake_until_its_end() -> None:
    held = replace(IDLE, hold_until=1500.0)
    assert report(held, 1499.0, "1").awake_because == (HOLD,)
    assert report(held, 1500.0, "1").sleeps_at == 2000.0


def test_what_both_say_is_said_once() -> None:
    both = replace(FACTS, queue=Queue(1, 0), verdict=Verdict(None, (WORK, "Somebody is logged in.")))
    assert report(both, 1000.0, "1").awake_because == (WORK, "Somebody is logged in.")


def test_happenings_are_numbered_from_one_and_the_newest_are_told(state: State, clock: ManualClock) -> None:
    for turn in range(REPORTED_HAPPENINGS + 5):
        state.say(f"It happened {turn}.")
    happened = state.facts.happened
    assert [happening.number for happening in happened] == list(range(6, REPORTED_HAPPENINGS + 6))
    assert happened[-1].sentence == f"It happened {REPORTED_HAPPENINGS + 4}." and happened[-1].at == clock.now()


def test_what_flickers_makes_no_report_and_what_changes_does(state: State) -> None:
    gpu = Gpu("A10G", 5.0, 60.0, 100, 1000)
    state.facts = replace(state.facts, gpus=(gpu,), disk=Disk(50, 100))
    assert state.changed.is_set()
    state.changed.clear()
    state.facts = replace(state.facts, gpus=(replace(gpu, busy_percent=99.0, vram_used=900),), disk=Disk(40, 100))
    assert not state.changed.is_set()
    state.facts = replace(state.facts, gpus=(replace(gpu, lost=True),))
    assert state.changed.is_set()
