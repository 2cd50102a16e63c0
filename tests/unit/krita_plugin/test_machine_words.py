"""What may be done with a machine, and what is said of it."""

from __future__ import annotations

from datetime import UTC

import pytest

from wakebrush.client.model import Budget, Job, Machine, Me, Money
from wakebrush.session.machine_words import MachineView, machine_sentence, view
from wakebrush.session.state_line import awake_sentence, is_sleepy, machine_line, waiting_line

NOW = 1_795_000_000.0
UTC = UTC
READY = Machine("m", "ready", since=NOW - 1680, sleeps_at=NOW + 120, price_per_hour=Money(1.006), instance_type="g5.xlarge")
HELD = Machine("m", "ready", held_until=NOW + 7200, held_by="Ana", price_per_hour=Money(1.006))
ASLEEP = Machine("m", "asleep", wake_seconds=61.0, price_per_hour=Money(1.006))
EMPTY = Budget(Money(200), Money(201), 1_796_083_200.0)


def me(budget: Budget | None = None) -> Me:
    return Me("Mira", "Studio", budget)


def test_before_it_sleeps_it_is_offered_to_keep_it_awake() -> None:
    assert awake_sentence(READY, NOW) == "Nobody has painted for 28 min. The machine sleeps in 2 min."
    shown = view([READY], READY, NOW)
    assert shown.urgent and shown.hold == "Keep awake 1 h · up to $1.01" and not shown.wake and not shown.let_go


@pytest.mark.parametrize(("left", "sleepy"), [(301.0, False), (300.0, True), (0.0, False), (-5.0, False)])
def test_it_is_about_to_sleep_in_the_last_five_minutes(left: float, sleepy: bool) -> None:
    machine = Machine("m", "ready", sleeps_at=NOW + left)
    assert is_sleepy(machine, NOW) == sleepy
    assert not is_sleepy(Machine("m", "busy", sleeps_at=NOW + left), NOW) and not is_sleepy(None, NOW)


def test_a_machine_that_was_used_a_moment_ago_only_says_when_it_sleeps() -> None:
    machine = Machine("m", "ready", since=NOW - 10, sleeps_at=NOW + 45)
    assert awake_sentence(machine, NOW) == "The machine sleeps in 45 s."
    assert awake_sentence(machine, NOW + 44.9) == "The machine sleeps in 1 s."


def test_a_machine_that_is_kept_awake_says_until_when_and_can_be_let_go() -> None:
    assert machine_line(HELD, NOW, zone=UTC).sentence == "Awake until 13:06, no waiting."
    shown = view([HELD], HELD, NOW, me=me(), zone=UTC)
    assert (shown.hold, shown.let_go, shown.urgent) == ("", "Let it sleep", False)
    assert shown.lines == ("m · awake · kept awake until 13:06 by Ana · $1.01 an hour",)
    mine = Me("Ana", "Studio")
    assert machine_sentence(HELD, NOW, mine, UTC) == "m · awake · kept awake until 13:06 · $1.01 an hour"


def test_a_hold_that_is_nearly_over_is_no_promise() -> None:
    machine = Machine("m", "ready", held_until=NOW + 200, sleeps_at=NOW + 200, since=NOW - 30)
    assert awake_sentence(machine, NOW) == "The machine sleeps in 3 min."
    assert view([machine], machine, NOW) == MachineView(
        hold="Keep awake 1 h", let_go="Let it sleep", urgent=True, lines=view([machine], machine, NOW).lines
    )


def test_a_sleeping_machine_can_be_woken_unless_the_month_is_used_up() -> None:
    assert view([ASLEEP], ASLEEP, NOW, me=me()).wake == "Wake now · about $0.52"
    assert view([ASLEEP], ASLEEP, NOW, me=me(EMPTY)) == MachineView(lines=("m · asleep · $1.01 an hour",))


def test_without_a_machine_nothing_is_offered() -> None:
    assert view([], None, NOW) == MachineView()


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        (READY, "g5.xlarge · awake · sleeps at 11:08 without work · $1.01 an hour"),
        (Machine("m", "busy", zone="us-east-1a"), "m in us-east-1a · painting"),
        (Machine("m", "waking", stage="booting", eta_seconds=35.0), "m · Waking: booting. About 35 s left"),
        (Machine("m", "failed", message="No key for this region."), "m · did not start · No key for this region."),
        (Machine("m", "stopping", engine="Practice"), "Practice · going to sleep"),
        (Machine("m", "draining"), "m · going to sleep"),
        (Machine("m", "asleep", price_per_hour=Money(0)), "m · asleep"),
    ],
)
def test_the_details_tell_one_machine_in_a_line(machine: Machine, sentence: str) -> None:
    assert machine_sentence(machine, NOW, zone=UTC) == sentence


def test_a_used_up_month_is_said_while_it_sleeps_and_while_a_picture_waits_for_it() -> None:
    said = "The team's budget for November ($200) is used up. Ask your admin, or wait until 1 December."
    assert machine_line(ASLEEP, NOW, budget=EMPTY).sentence == said
    assert waiting_line(Job("j", "queued", "budget"), ASLEEP, NOW, EMPTY).sentence == said
