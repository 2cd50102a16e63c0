"""The one bar and its words, over all that is under way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wakebrush.canvas.rect import Rect
from wakebrush.client.model import Job, Machine
from wakebrush.session.bar import Bar
from wakebrush.session.progress import Progress
from wakebrush.session.under_way import UnderWay
from wakebrush.session.waits import Waits

WAKING = Machine("m", "waking", eta_seconds=32.0)


def picture(press: str, phase: str = "waiting", **more: object) -> UnderWay:
    progress = Progress.begin(0.0, asleep=True).entered(phase, 0.0)
    return UnderWay(press, Rect(0, 0, 64, 64), press, "d1", press=press, progress=progress, **more)  # type: ignore[arg-type]


def waits(at: float = 0.0) -> Waits:
    return Waits(lambda: at)


def test_while_nothing_moves_there_is_no_bar() -> None:
    idea = picture("idea", job=Job("j", "queued", "gathered"))
    assert Bar().at(0.0, {}, None, waits()) == Bar() == Bar(0.5, "painting").at(0.0, {"idea": idea}, None, waits())


def test_the_wake_counts_down_and_other_presses_are_counted_not_their_jobs() -> None:
    under_way = {"a": picture("a", "waking"), "b": picture("b"), "c": replace(picture("c"), press="b")}
    bar = Bar().at(0.0, under_way, WAKING, waits())
    assert bar.text == "waking · 32 s left · 1 more"
    assert Bar().at(0.0, {"a": picture("a", "waking")}, None, waits()).text == "waking"


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (Job("j", "queued", ahead=2, eta_seconds=40.0), "waiting · 40 s left"),
        (Job("j", "queued", ahead=0, eta_seconds=40.0), "waiting"),
        (Job("j", "queued", ahead=1, eta_seconds=-11.0), "waiting"),
    ],
)
def test_the_pictures_before_hers_are_counted_down_unless_that_says_nothing(job: Job, text: str) -> None:
    assert Bar().at(0.0, {"a": picture("a", job=job)}, None, waits()).text == text


def test_a_press_that_is_done_leaves_the_bar_where_it_is() -> None:
    under_way = {"a": picture("a", "sampling"), "b": picture("b")}
    before = Bar().at(0.0, under_way, None, waits())
    after = before.at(0.0, {"b": under_way["b"]}, None, waits())
    assert before.fraction is not None and after.fraction is not None and after.fraction > before.fraction
    assert Bar().at(0.0, {"b": under_way["b"]}, None, waits()).fraction < after.fraction  # type: ignore[operator]
