"""What a stream says: everything that lasts, in an order that both SDKs understand, and nothing too often."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wake_service.gateway.v2.frames import PACE_SECONDS, Preview, State, Teller
from wake_service.gateway.v2.words import TERMINAL

QUEUED = State("queued", 0, {"value": 0.0, "message": "Waking the machine, about 40 s."}, [])
RUNNING = State("running", None, {"value": 0.5}, [])
OUTPUT = {"id": "a", "node_id": "9"}
DONE = State("succeeded", None, {"value": 1.0}, [OUTPUT])


def said(teller: Teller, state: State, now: float = 0.0) -> list[tuple[str, Any]]:
    found = []
    for frame in teller.frames(state, now):
        event, data, *end = frame.decode().split("\n")
        assert end == ["", ""]
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_whoever_connects_hears_the_present_state() -> None:
    state = replace(RUNNING, outputs=[OUTPUT], preview=Preview("3", "image/jpeg", b"jpeg"))
    frames = said(Teller(), state)
    assert [name for name, _ in frames] == ["status", "progress", "preview", "output"]
    assert base64.b64decode(frames[2][1]["data_base64"]) == b"jpeg"


def test_whoever_connects_after_the_end_still_hears_every_output_before_it() -> None:
    teller = Teller()
    assert [name for name, _ in said(teller, DONE)] == ["progress", "output", "status"]
    assert teller.over
    assert said(teller, DONE) == []


def test_nothing_is_said_twice() -> None:
    teller = Teller()
    said(teller, RUNNING)
    assert said(teller, RUNNING, 10.0) == []


def test_a_new_place_in_the_queue_is_said() -> None:
    teller = Teller()
    said(teller, replace(QUEUED, queue_position=3))
    assert said(teller, QUEUED, 1.0) == [("status", {"status": "queued", "queue_position": 0})]


def test_progress_and_previews_wait_for_their_pace_and_the_newest_is_said() -> None:
    teller = Teller()
    said(teller, RUNNING, 0.0)
    for step in range(1, 9):
        newer = replace(RUNNING, progress={"value": step / 10}, preview=Preview("3", "image/jpeg", bytes([step])))
        frames = said(teller, newer, 0.01 * step)
        assert [name for name, _ in frames] == (["preview"] if step == 1 else [])
    assert teller.held_back(newer)
    assert [name for name, _ in said(teller, newer, 0.01 + PACE_SECONDS)] == ["progress", "preview"]
    assert not teller.held_back(newer)


def test_the_end_waits_for_no_pace() -> None:
    teller = Teller()
    said(teller, RUNNING, 0.0)
    assert [name for name, _ in said(teller, DONE, 0.01)] == ["progress", "output", "status"]


def test_a_cancelled_job_holds_nothing_back() -> None:
    teller = Teller()
    said(teller, RUNNING, 0.0)
    cancelled = State("canceled", None, None, [])
    assert [name for name, _ in said(teller, cancelled, 0.01)] == ["status"]
    assert not teller.held_back(cancelled)


states = st.builds(
    lambda status, outputs, value: State(status, None, {"value": value}, [{"id": str(n)} for n in range(outputs)]),
    st.sampled_from(["queued", "running"]),
    st.integers(0, 5),
    st.floats(0, 1),
)


@given(st.lists(states), st.integers(0, 5))
def test_whatever_happens_every_output_is_said_once_and_the_terminal_status_is_last(before: list[State], outputs: int) -> None:
    teller, heard = Teller(), []
    end = State("succeeded", None, None, [{"id": str(n)} for n in range(outputs)])
    most = {output["id"] for state in [*before, end] for output in state.outputs}
    for moment, state in enumerate([*before, end]):
        heard += said(teller, state, moment * 0.1)
    assert sorted(data["id"] for name, data in heard if name == "output") == sorted(most)
    assert [name for name, data in heard if name == "status" and data["status"] in TERMINAL] == ["status"]
    assert heard[-1][0] == "status"
