"""Who listens, and what they get: a slow client delays no other, and no result is lost on the way to one who comes back."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from wake_service.workflows import switchboard
from wake_service.workflows.frames import Frame, Kind
from wake_service.workflows.switchboard import KEPT_SECONDS, Line, Switchboard


class Now:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def everything(line: Line) -> list[str]:
    taken = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                frame = await line.take()
        except TimeoutError:
            return taken
        if frame is None:
            return taken
        taken.append(str(frame.body))


def frame(body: str, kind: Kind = Kind.EVENT) -> Frame:
    return Frame(body, kind)


async def test_prompts_reach_their_client_alone_and_those_without_one_all_of_hers() -> None:
    board = Switchboard(Now())
    first, second, other = board.connect("mira", "a"), board.connect("mira", "b"), board.connect("noor", "a")
    board.publish("mira", "a", frame("for a"))
    board.publish("mira", None, frame("for all"))
    assert await everything(first) == ["for a", "for all"]
    assert await everything(second) == ["for all"]
    assert await everything(other) == []


async def test_a_result_waits_for_a_client_that_is_away_and_an_event_does_not() -> None:
    board = Switchboard(Now())
    board.publish("mira", "a", frame("step"))
    board.publish("mira", "a", frame("picture", Kind.RESULT))
    assert await everything(board.connect("mira", "b")) == []
    line = board.connect("mira", "a")
    assert await everything(line) == ["picture"]
    board.disconnect("mira", line)
    assert await everything(board.connect("mira", "a")) == []


async def test_what_was_not_sent_before_the_connection_broke_is_sent_over_the_next() -> None:
    board = Switchboard(Now())
    line = board.connect("mira", "a")
    board.publish("mira", "a", frame("picture", Kind.RESULT))
    board.publish("mira", "a", frame("step"))
    board.disconnect("mira", line)
    assert await everything(board.connect("mira", "a")) == ["picture"]


async def test_a_second_connection_takes_the_place_of_the_first_with_what_was_left_there() -> None:
    board = Switchboard(Now())
    first = board.connect("mira", "a")
    board.publish("mira", "a", frame("picture", Kind.RESULT))
    second = board.connect("mira", "a")
    assert first.closed and await first.take() is None
    board.disconnect("mira", first)
    board.publish("mira", "a", frame("later"))
    assert await everything(second) == ["picture", "later"]


async def test_results_are_kept_for_a_while_only() -> None:
    now = Now()
    board = Switchboard(now)
    board.publish("mira", "a", frame("picture", Kind.RESULT))
    now.at += KEPT_SECONDS + 1
    board.connect("mira", "b")
    assert await everything(board.connect("mira", "a")) == []


async def test_a_client_that_is_too_far_behind_is_cut_off() -> None:
    line = Line("a")
    big = Frame(bytes(switchboard.MOST_WAITING // 2), Kind.RESULT)
    line.put(big)
    assert not line.closed
    line.put(big)
    line.put(big)
    assert line.closed


kinds = st.lists(st.sampled_from(Kind), max_size=40)


@given(kinds)
async def test_of_previews_only_the_newest_wait_and_nothing_else_is_left_out(sent: list[Kind]) -> None:
    line = Line("a")
    bodies = [(kind, f"{number}") for number, kind in enumerate(sent)]
    for kind, body in bodies:
        line.put(frame(body, kind))
    newest = [body for kind, body in bodies if kind is Kind.PREVIEW][-switchboard.WAITING_PREVIEWS :]
    expected = [body for kind, body in bodies if kind is not Kind.PREVIEW or body in newest]
    assert await everything(line) == expected
