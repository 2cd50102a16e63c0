"""What the docker says, situation by situation."""

from __future__ import annotations

import pytest

from wakebrush.client.errors import NotFound, Unreachable
from wakebrush.client.model import Job, Machine, Money
from wakebrush.i18n import tr, use
from wakebrush.session import words
from wakebrush.session.progress import Progress
from wakebrush.session.state_line import held_line, machine_line, picture_line, unconnected_line, waiting_line

ASLEEP = Machine("m", "asleep", wake_seconds=61.0, price_per_hour=Money(1.006))
READY = Machine("m", "ready", price_per_hour=Money(1.006))


def waking(**more: object) -> Machine:
    return Machine("m", "waking", **{"stage": "booting", "eta_seconds": 35.0, "since": 100.0, "wake_seconds": 60.0, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (35, "35 s"), (110, "1:50"), (7500, "2 h 5 min")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("machine", "dot", "sentence"),
    [
        (ASLEEP, "asleep", "Asleep. The first picture takes about 1 min longer."),
        (READY, "ready", "Ready."),
        (Machine("m", "ready", sleeps_at=220.0), "ready", "The machine sleeps in 2 min."),
        (Machine("m", "ready", sleeps_at=2000.0), "ready", "Ready. Sleeps in 31 min without work."),
        (Machine("m", "stopping"), "asleep", "Going to sleep. A new picture wakes it again."),
        (Machine("m", "failed", message="No key for this region."), "trouble", "No key for this region."),
        (waking(), "waking", "Waking: booting. About 35 s left."),
        (None, "asleep", "No machine is set up yet."),
    ],
)
def test_the_state_line_tells_how_the_machine_is(machine: Machine | None, dot: str, sentence: str) -> None:
    line = machine_line(machine, now=120.0)
    assert (line.dot, line.sentence) == (dot, sentence)


@pytest.mark.parametrize(("now", "slow"), [(180.0, False), (180.5, True)])
def test_the_service_knows_best_when_a_wake_is_slow(now: float, slow: bool) -> None:
    machine = waking(wake_seconds=75.0, slow_after_seconds=80.0, eta_seconds=5.0)
    assert machine_line(machine, now).sentence.startswith("Waking takes longer than usual") == slow


def test_a_slow_wake_is_said_to_be_slow() -> None:
    slow = "Waking takes longer than usual (1:50)."
    assert machine_line(waking(), now=210.0).sentence == slow
    waits = waiting_line(Job("j", "queued", "machine_waking"), waking(), now=210.0)
    assert waits.sentence == f"{slow} Your picture is safe in the queue."


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        (Job("j", "queued", "capacity"), "All machines of this kind are taken. Trying the next kind."),
        (Job("j", "queued", "machine_busy", ahead=2, eta_seconds=40.0), "2 pictures before yours, about 40 s."),
        (Job("j", "queued", "machine_busy", ahead=1), "1 picture before yours."),
        (Job("j", "queued", None, ahead=0), "Your picture is next."),
        (Job("j", "queued", "machine_waking"), "Waking: booting. About 35 s left."),
        (Job("j", "queued", "no_machine", attempt=2), "The machine was lost. Your picture starts again by itself (attempt 2)."),
        (Job("j", "queued", "machine_busy", attempt=2, note="It is painted once more."), "It is painted once more."),
        (Job("j", "queued", "paused"), "Your admin has paused painting. Your picture is safe in the queue."),
    ],
)
def test_a_waiting_picture_says_what_it_waits_for(job: Job, sentence: str) -> None:
    assert waiting_line(job, waking(), now=120.0).sentence == sentence


def test_a_machine_that_does_not_start_says_why_while_a_picture_waits() -> None:
    broken = Machine("m", "failed", message="The engine ended at once.")
    line = waiting_line(Job("j", "queued", "no_machine"), broken, now=120.0)
    assert (line.dot, line.sentence) == (
        "trouble",
        "The engine ended at once. It is tried again; your picture is safe in the queue.",
    )


def test_a_cut_line_promises_that_the_picture_comes() -> None:
    error = Unreachable("https://studio.example")
    assert (
        unconnected_line(error, was_connected=True, explained=True).sentence
        == "Offline. Still painting; it appears when you are back."
    )
    assert unconnected_line(error, was_connected=False, explained=False).sentence == error.title
    assert unconnected_line(NotFound(), was_connected=False, explained=True).sentence == "Not connected."
    assert unconnected_line(None, was_connected=False, explained=False).sentence == "Looking for the Wakebrush service."


def test_a_layer_that_waits_for_her_hand_says_so() -> None:
    done = Job("j", "succeeded")
    assert held_line().sentence == "Your picture is here; it appears when your hand is off the canvas."
    assert picture_line(done, READY, 0.0).sentence == "Your picture is here."


@pytest.mark.parametrize(
    ("eta", "sentence"),
    [
        (1.0, "Waking: booting. About 1 s left."),
        (0.4, "Waking: booting. A moment left."),
        (-9.0, "Waking: booting. A moment left."),
        (-10.5, "Waking takes longer than usual (20 s)."),
    ],
)
def test_a_wake_that_is_overdue_is_a_moment_away_and_then_slow(eta: float, sentence: str) -> None:
    assert machine_line(waking(eta_seconds=eta), now=120.0).sentence == sentence


def test_the_bar_never_turns_what_is_left_into_what_has_passed() -> None:
    bar = Progress.begin(0.0, asleep=True).entered("waking", 1.0)
    texts = [words.bar_text(bar, 7.0, step=None, eta=eta, others=0) for eta in (1.2, 0.6, -3.0, None)]
    assert texts == ["waking · 1 s left", "waking · a moment left", "waking · a moment left", "waking"]


def test_the_bar_names_the_stage_and_the_wait() -> None:
    bar = Progress.begin(0.0, asleep=True)
    assert words.bar_text(bar, 0.0, step=None, eta=None, others=0) == "sending"
    assert words.bar_text(bar.entered("waking", 1.0), 5.0, step=None, eta=32.0, others=2) == "waking · 32 s left · 2 more"
    assert words.bar_text(bar.entered("models", 1.0), 5.0, step=None, eta=32.0, others=0) == "loading model · 0:04"
    assert words.bar_text(bar.entered("sampling", 1.0), 5.0, step=(3, 12), eta=None, others=0) == "painting 3/12"


def test_pictures_that_wait_are_offered_in_words_that_fit() -> None:
    closed = words.offer_sentence(2, homeless=False)
    assert closed == "While Krita was closed, 2 pictures were finished for this document. Show them?"
    assert words.offer_sentence(1, homeless=False).endswith("1 picture was finished for this document. Show it?")
    assert "never saved" in words.offer_sentence(1, homeless=True) and "never saved" in words.offer_sentence(2, homeless=True)


def test_a_translation_replaces_a_sentence_and_keeps_its_values() -> None:
    use({"{n} s": "{n} Sek."})
    try:
        assert words.duration(35) == "35 Sek."
        assert tr("Ready.") == "Ready."
    finally:
        use({})


def test_what_is_being_tried_is_said_while_the_wake_takes_longer() -> None:
    said = "All machines of this kind are taken. Trying the next kind: g6.xlarge in us-east-1a."
    assert machine_line(waking(message=said), now=120.0).sentence == said
    assert waiting_line(Job("j", "queued", "machine_waking"), waking(message=said), now=120.0).sentence == said


def test_during_the_curfew_it_is_said_until_when() -> None:
    said = "The studio's machines rest until Monday 07:00. Your picture is safe in the queue."
    line = waiting_line(Job("j", "queued", "paused"), Machine("m", "asleep", message=said), now=0.0)
    assert (line.dot, line.sentence) == ("trouble", said)
