"""What others on the machine write is in the next report."""

from __future__ import annotations

import json

import pytest

from cloud_image.agent.state import Facts, State
from cloud_image.agent.surroundings import STALE, Surroundings
from cloud_image.door import Closer, Door
from cloud_image.paths import Paths
from tests.unit.cloud_image.agent.fakes import nothing
from wake_service.clock import ManualClock


@pytest.fixture
def surroundings(paths: Paths, state: State, clock: ManualClock) -> Surroundings:
    return Surroundings(paths, state, clock, beat=nothing)


@pytest.mark.parametrize("closer", list(Closer))
def test_the_machine_drains_whoever_closed_its_door(
    surroundings: Surroundings, paths: Paths, state: State, closer: Closer
) -> None:
    Door(paths.door).close(closer)
    surroundings.look()
    assert state.facts.draining
    Door(paths.door).open(closer)
    surroundings.look()
    assert not state.facts.draining


def test_a_hold_lasts_until_its_end_and_then_is_none(
    surroundings: Surroundings, paths: Paths, state: State, clock: ManualClock
) -> None:
    until = clock.now() + 60
    surroundings.hold(until)
    assert state.facts.hold_until == until and json.loads(paths.hold.read_text()) == {"until": until}
    clock._now += 60
    surroundings.look()
    assert state.facts.hold_until is None


@pytest.mark.parametrize("until", [None, 5.0])
def test_a_hold_that_is_let_go_or_over_leaves_no_file(
    surroundings: Surroundings, paths: Paths, state: State, clock: ManualClock, until: float | None
) -> None:
    surroundings.hold(clock.now() + 60)
    surroundings.hold(until)
    assert state.facts.hold_until is None and not paths.hold.exists()


def test_a_hold_outlives_the_agent(surroundings: Surroundings, paths: Paths, clock: ManualClock) -> None:
    surroundings.hold(clock.now() + 60)
    again = State(Facts(machine="m", boot="b"), clock.now)
    Surroundings(paths, again, clock, beat=nothing).look()
    assert again.facts.hold_until == clock.now() + 60


def verdict(paths: Paths, **fields: object) -> None:
    paths.verdict.write_text(json.dumps(fields))


def test_the_idle_monitors_verdict_is_told(surroundings: Surroundings, paths: Paths, state: State, clock: ManualClock) -> None:
    verdict(paths, at=clock.now(), busy=False, sleeps_at=clock.now() + 900, because=["The GPU has been idle for 15 min."])
    surroundings.look()
    assert (state.facts.verdict.sleeps_at, state.facts.verdict.because) == (clock.now() + 900, ())
    verdict(paths, at=clock.now(), busy=True, sleeps_at=None, because=["Somebody is logged in."])
    surroundings.look()
    assert (state.facts.verdict.sleeps_at, state.facts.verdict.because) == (None, ("Somebody is logged in.",))


def test_a_verdict_that_is_too_old_is_said_to_be(
    surroundings: Surroundings, paths: Paths, state: State, clock: ManualClock
) -> None:
    verdict(paths, at=clock.now(), busy=False, sleeps_at=clock.now() + 900, because=[])
    clock._now += STALE
    surroundings.look()
    assert state.facts.verdict.sleeps_at is None and "has not looked" in state.facts.verdict.because[0]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"at": "x"}', '{"at": 1800000000, "busy": true, "because": 5, "sleeps_at": "soon"}']
)
def test_a_verdict_that_cannot_be_read_harms_nothing(surroundings: Surroundings, paths: Paths, state: State, text: str) -> None:
    paths.verdict.write_text(text)
    surroundings.look()
    assert state.facts.verdict.sleeps_at is None


def test_a_stop_that_root_refused_is_told_once(surroundings: Surroundings, paths: Paths, state: State) -> None:
    (paths.idle / "stop-refused.json").write_text('{"at": 1, "sentence": "A picture came in between."}')
    for _ in range(3):
        surroundings.look()
    assert [happening.sentence for happening in state.facts.happened] == ["A picture came in between."]


def test_a_refusal_is_not_told_again_when_much_has_happened_since(surroundings: Surroundings, paths: Paths, state: State) -> None:
    (paths.idle / "stop-refused.json").write_text('{"at": 1, "sentence": "A picture came in between."}')
    surroundings.look()
    for number in range(30):
        state.say(f"It happened {number}.")
    surroundings.look()
    assert state.facts.happened[-1].sentence == "It happened 29."


def test_a_refusal_that_the_agent_before_told_is_not_told_again_and_a_new_one_is(
    surroundings: Surroundings, paths: Paths, state: State, clock: ManualClock
) -> None:
    state.say("A picture came in between.")
    refusal = paths.idle / "stop-refused.json"
    for at, told in ((clock.now() - 1, 1), (clock.now() + 1, 2)):
        refusal.write_text(json.dumps({"at": at, "sentence": "A picture came in between."}))
        surroundings.look()
        assert len(state.facts.happened) == told


def test_the_disk_is_the_one_with_the_engines_folders(surroundings: Surroundings, state: State) -> None:
    surroundings.look()
    assert state.facts.disk is not None and 0 < state.facts.disk.free <= state.facts.disk.total
