"""One bar for the whole way, which never turns back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.session.progress import PHASES, Course, Progress

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "estimate", "reach", "wait"]),
        st.sampled_from(list(PHASES)),
        st.floats(0, 1),
        st.floats(0, 300),
    ),
    max_size=40,
)


@given(STEPS, st.booleans(), st.one_of(st.none(), st.floats(0.1, 600)))
def test_the_bar_never_turns_back_and_never_leaves_its_ends(
    steps: list[tuple[str, str, float, float]], asleep: bool, wake: float | None
) -> None:
    now = 1000.0
    bar = Progress.begin(now, asleep=asleep, wake_seconds=wake)
    shown = bar.fraction(now)
    for what, phase, part, seconds in steps:
        now += seconds / 10
        if what == "enter":
            bar = bar.entered(phase, now)
        elif what == "estimate":
            bar = bar.entered(phase, now, seconds=seconds)
        elif what == "reach":
            bar = bar.reached(part, now)
        assert shown - 1e-9 <= bar.fraction(now) <= 1.0
        shown = bar.fraction(now)


def test_a_whole_way_fills_most_of_the_bar() -> None:
    bar = Progress.begin(0.0, asleep=True, wake_seconds=60)
    now = 0.0
    for phase, seconds in PHASES.items():
        bar = bar.entered(phase, now)
        now += seconds
    assert bar.fraction(now) > 0.9


def test_a_wake_takes_the_share_of_the_bar_that_it_takes_of_the_time() -> None:
    bar = Progress.begin(0.0, asleep=True, wake_seconds=60).entered("waking", 1.0, seconds_of={"waking": 60})
    assert 0.6 < bar.fraction(1000.0) < 0.8


def test_time_alone_never_finishes_a_phase() -> None:
    bar = Progress.begin(0.0, asleep=False).entered("models", 1.0)
    assert bar.fraction(10_000) < bar.entered("sampling", 10_000).reached(0.2, 10_000).fraction(10_000)


def test_steps_move_the_bar_and_time_does_not_while_sampling() -> None:
    bar = Progress.begin(0.0, asleep=False).entered("sampling", 1.0)
    assert bar.fraction(100) == bar.fraction(1)
    assert bar.reached(0.5, 100).fraction(100) == pytest.approx(bar.start + bar.share / 2)


def test_a_slower_estimate_slows_the_bar_without_a_jump() -> None:
    bar = Progress.begin(0.0, asleep=True).entered("waking", 0.0, seconds=10)
    slower = bar.entered("waking", 5.0, seconds=60)
    assert slower.fraction(5.0) == pytest.approx(bar.fraction(5.0))
    assert slower.fraction(10.0) < bar.fraction(10.0)


def test_a_job_that_has_to_start_again_keeps_its_place() -> None:
    sampling = Progress.begin(0.0, asleep=False).entered("sampling", 5.0).reached(0.8, 6.0)
    again = sampling.entered("waking", 7.0)
    assert again.fraction(7.0) == pytest.approx(sampling.fraction(7.0))
    assert again.fraction(30.0) > again.fraction(7.0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["join", "leave", "move"]), st.sampled_from("abcde"), st.floats(0, 1)), min_size=1, max_size=40
    )
)
def test_the_bar_of_all_pictures_never_turns_back_whoever_joins_or_leaves(steps: list[tuple[str, str, float]]) -> None:
    course, shown = Course(), 0.0
    under_way: dict[str, float] = {}
    for what, key, part in steps:
        if what == "join":
            under_way.setdefault(key, part)
        elif what == "leave":
            under_way.pop(key, None)
        elif key in under_way:
            under_way[key] = max(under_way[key], part)
        course = course.at(under_way)
        if not under_way:
            assert course == Course()
            shown = 0.0
        assert shown - 1e-9 <= course.shown <= 1.0
        shown = course.shown


def test_one_picture_of_two_that_is_done_is_half_of_the_way() -> None:
    course = Course().at({"a": 0.0, "b": 0.0}).at({"a": 1.0, "b": 0.0})
    assert course.shown == pytest.approx(0.5)
    assert course.at({"b": 0.5}).shown == pytest.approx(0.75)


def test_a_picture_that_joins_halfway_takes_its_share_of_what_is_left() -> None:
    course = Course().at({"a": 0.0}).at({"a": 0.5})
    joined = course.at({"a": 0.5, "b": 0.0})
    assert joined.shown == pytest.approx(0.5)
    assert joined.at({"a": 1.0, "b": 1.0}).shown == pytest.approx(1.0)
    assert 0.5 < joined.at({"a": 1.0, "b": 0.0}).shown < 1.0
