"""Which tasks the button offers, which it does, and what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakebrush.canvas.plan import Context, Fill, ModelSize, PlanSettings, Rect, Scene, Task, plan
from wakebrush.session.modes import Facts, button_label, chosen, possible, strength_counts, tip, usual
from wakebrush.session.region_settings import RegionSettings

facts = st.builds(
    lambda selected, from_layer, is_empty, strength: Facts(selected, selected or from_layer, is_empty, strength),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(5, 100),
)
NOTHING, SELECTED = Facts(is_empty=True), Facts(selected=True, masked=True)


@pytest.mark.parametrize(
    ("seen", "task"),
    [
        (Facts(is_empty=True, strength=70), Task.GENERATE),
        (Facts(strength=70), Task.REFINE),
        (Facts(strength=100), Task.GENERATE),
        (Facts(True, True, False, 70), Task.REFINE),
        (Facts(True, True, False, 100), Task.FILL),
        (Facts(True, True, True, 70), Task.FILL),
    ],
)
def test_the_canvas_decides_what_painting_means(seen: Facts, task: Task) -> None:
    assert usual(seen) is task


@given(facts, st.sampled_from(["", "a task of a later version", *(task.value for task in Task)]))
def test_the_button_never_does_what_is_not_possible(seen: Facts, wanted: str) -> None:
    assert chosen(wanted, seen) in possible(seen)


@given(facts, st.sampled_from(Task))
def test_the_button_does_what_she_chose_where_it_is_possible(seen: Facts, task: Task) -> None:
    assert chosen(task.value, seen) is (task if task in possible(seen) else usual(seen))


@given(facts.filter(lambda seen: seen.selected == seen.masked), st.sampled_from(Task))
def test_what_is_possible_can_be_planned(seen: Facts, task: Task) -> None:
    settings = RegionSettings()
    settings.strength, settings.margin_right = seen.strength, 64
    scene = Scene((800, 600), Rect(10, 10, 100, 100) if seen.selected else None, is_empty=seen.is_empty)
    if task in possible(seen):
        assert plan(scene, settings.plan_settings(task), ModelSize(512, 512)).task is task


def test_an_empty_selection_can_only_be_filled() -> None:
    offered = possible(Facts(True, True, is_empty=True))
    assert Task.FILL in offered
    assert not {Task.REFINE, Task.ADD, Task.REMOVE, Task.BACKGROUND} & set(offered)


def test_without_a_mask_nothing_is_offered_that_needs_one() -> None:
    assert set(possible(Facts())) == {Task.GENERATE, Task.REFINE, Task.EXPAND, Task.CUSTOM}


@pytest.mark.parametrize(
    ("wanted", "seen", "counts"),
    [
        ("", NOTHING, False),
        ("", SELECTED, True),
        ("refine", SELECTED, True),
        ("custom", SELECTED, True),
        ("fill", SELECTED, False),
        ("fill", Facts(), True),
        ("generate", Facts(), False),
    ],
)
def test_the_strength_is_shown_where_it_changes_something(wanted: str, seen: Facts, counts: bool) -> None:
    assert strength_counts(wanted, seen) is counts


@given(facts, st.sampled_from(Task))
def test_the_button_and_its_menu_say_what_is_done(seen: Facts, task: Task) -> None:
    assert task.label and tip(task)
    label = button_label(task, seen)
    assert label == task.label or (seen.selected and label)
    if seen.selected and task in (Task.FILL, Task.REFINE):
        assert label == f"{task.label} the selection"


def test_what_a_plan_was_made_from_can_be_set_again() -> None:
    made = PlanSettings(
        Task.CUSTOM, Context.LAYER, Fill.BORDER, 0.35, 12, 4, 6, 33, 256, 1.5, 2.5, (1, 2, 3, 4), True, True, False, False
    )  # fmt: skip
    settings = RegionSettings()
    settings.take(made)
    assert settings.plan_settings(Task.CUSTOM) == made
    assert settings.task == "custom"


def test_a_value_of_a_later_version_counts_as_the_usual_one() -> None:
    settings = RegionSettings()
    settings.context = settings.fill = settings.read_from = settings.where = "of a later version"
    assert settings.plan_settings(Task.CUSTOM) == RegionSettings().plan_settings(Task.CUSTOM)
    assert settings.source(("a",)).unseen == ("a",)
    made = plan(Scene((640, 480)), PlanSettings(), ModelSize(512, 512))
    placement = settings.placement(made, "node")
    assert (placement.where.value, placement.captured, placement.node) == ("above_active", (640, 480), "node")


def test_results_go_where_they_were_read_from() -> None:
    settings = RegionSettings()
    settings.read_from, settings.where, settings.as_mask = "group", "replace", True
    made = plan(Scene((640, 480)), PlanSettings(Task.EXPAND, margins=(0, 0, 64, 0)), ModelSize(512, 512))
    placement = settings.placement(made, None)
    assert placement.group and placement.as_mask and placement.where.value == "replace"
    assert placement.canvas == Rect(0, 0, 704, 480)
