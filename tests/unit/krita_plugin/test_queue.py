"""The queue as a list, press by press, and when a wake is meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wakebrush.client.model import Job, Machine, Money, Result
from wakebrush.session.intent import PAUSE, REST, Intent
from wakebrush.session.queue import (
    Unsent,
    cancelled_sentence,
    gathered,
    ideas,
    pictures,
    rows,
    shortened,
    total_cost,
    waiting_words,
)

RUNNING = Job("r", "running", stage="sampling", prompt="a lighthouse", count=1)
WAKING = Machine("m", "waking", eta_seconds=32.0)


def queued(name: str, ahead: int = 0, **more: object) -> Job:
    return replace(Job(name, "queued", "machine_busy", ahead=ahead, prompt=f"picture {name}"), **more)  # type: ignore[arg-type]


def test_what_is_nearer_to_being_done_stands_above() -> None:
    idea = queued("i", waiting_for="gathered")
    listed = rows([idea, queued("b", 2), queued("a", 1), RUNNING, Job("d", "succeeded")], [Unsent("k", "not sent")], None)
    assert [row.keys for row in listed] == [("r",), ("a",), ("b",), ("k",), ("i",)]
    assert [row.state for row in listed] == ["running", "queued", "queued", "unsent", "gathered"]
    assert listed[3].sentence == "sending"


def test_only_what_waits_behind_others_of_hers_can_be_put_in_front() -> None:
    listed = rows([queued("b", 2), queued("a", 1), RUNNING, queued("i", waiting_for="gathered")], [], None)
    assert [row.can_go_first for row in listed] == [False, False, True, False]


def test_one_press_is_one_row_however_many_jobs_it_is() -> None:
    press = [queued("a", group="g", count=4), replace(RUNNING, group="g", count=4, results=(Result(0, "", 1, 1),))]
    (row,) = rows(press, [], None, {"r": (3, 12)})
    assert set(row.keys) == {"a", "r"} and row.state == "running"
    assert (row.title, row.sentence) == ("a lighthouse", "painting 3/12, 1 of 8 are here")


def test_a_picture_in_several_regions_is_one_picture() -> None:
    left, right = (0, 0, 64, 64), (200, 0, 64, 64)
    press = [queued(n, group="g", count=2, region=r) for n, r in (("a", left), ("b", right), ("c", left), ("d", right))]
    assert pictures(press) == 4
    (row,) = rows(press, [], None)
    assert row.sentence == "next, 4 pictures"
    arrived = [replace(press[0], results=(Result(0, "", 1, 1),)), replace(press[1], results=(Result(0, "", 1, 1),)), *press[2:]]
    (row,) = rows(arrived, [], None)
    assert row.sentence == "next, 1 of 4 are here"


def test_a_press_of_which_a_part_is_sent_is_listed_once() -> None:
    assert [row.keys for row in rows([queued("a", group="k")], [Unsent("k", "the rest"), Unsent("n", "new")], None)] == [
        ("a",),
        ("n",),
    ]


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        (RUNNING, "painting"),
        (replace(RUNNING, stage="models"), "loading model"),
        (replace(RUNNING, stage="saving", count=2), "saving, 2 pictures"),
        (queued("a", 2, eta_seconds=40.0), "2 before it, about 40 s"),
        (queued("a", 1), "1 before it"),
        (queued("a"), "next"),
        (queued("a", waiting_for="machine_waking"), "waking, 32 s left"),
        (queued("a", waiting_for="gathered", count=3), "an idea, waits for your word, 3 pictures"),
        (queued("a", waiting_for="budget"), "waits for the budget"),
        (queued("a", waiting_for="capacity"), "waits for a free machine"),
        (queued("a", waiting_for="paused"), "paused"),
    ],
)
def test_each_row_says_what_it_waits_for(job: Job, sentence: str) -> None:
    (row,) = rows([job], [], WAKING)
    assert row.sentence == sentence


def test_a_wake_without_an_estimate_promises_nothing() -> None:
    assert waiting_words(queued("a", waiting_for="no_machine"), None) == "waking"
    assert waiting_words(queued("a", waiting_for="no_machine"), replace(WAKING, eta_seconds=0.2)) == "waking"


def test_a_graph_of_another_program_has_no_prompt() -> None:
    (row,) = rows([replace(RUNNING, prompt="")], [], None)
    assert row.title == "a graph of another program"


def test_a_long_prompt_is_cut_in_the_row_and_whole_in_its_tip() -> None:
    prompt = "a lighthouse\nin a storm " * 20
    (row,) = rows([replace(RUNNING, prompt=prompt)], [], None)
    assert len(row.title) <= 60 and row.title.endswith("…") and "\n" not in row.title and row.tip == prompt
    assert shortened("short") == "short"


def test_ideas_are_counted_by_press() -> None:
    jobs = [queued(n, waiting_for="gathered", group=g) for n, g in (("a", "x"), ("b", "x"), ("c", None))] + [queued("d")]
    assert [job.id for job in gathered(jobs)] == ["a", "b", "c"] and ideas(jobs) == 2


def test_costs_of_a_press_are_added_up() -> None:
    assert total_cost([replace(RUNNING, cost=Money(0.1, "EUR")), replace(RUNNING, cost=Money(0.2, "EUR")), RUNNING]) == Money(
        pytest.approx(0.3), "EUR"
    )
    assert total_cost([RUNNING]) is None


@pytest.mark.parametrize(
    ("count", "sleeps", "sentence"),
    [
        (1, None, "Cancelled."),
        (3, None, "3 pictures cancelled."),
        (1, True, "Cancelled. The machine goes back to sleep."),
        (2, False, "2 pictures cancelled. The machine wakes all the same: somebody waits for it."),
    ],
)
def test_cancelling_says_what_becomes_of_the_machine(count: int, sleeps: bool | None, sentence: str) -> None:
    assert cancelled_sentence(count, sleeps) == sentence


def test_an_intent_is_answered_when_she_pauses_and_only_once() -> None:
    intent = Intent()
    assert not intent.is_due(0.0)
    for now in (0.0, 1.0, 2.0):
        intent = intent.seen(now)
        assert not intent.is_due(now)
    assert not intent.is_due(2.0 + PAUSE - 0.1) and intent.is_due(2.0 + PAUSE)
    intent = intent.done()
    for minute in range(60):  # typed for an hour without painting
        intent = intent.seen(60.0 * minute)
        assert not intent.is_due(60.0 * minute + PAUSE)
    late = 60.0 * 59 + REST
    assert intent.seen(late).is_due(late + PAUSE)
