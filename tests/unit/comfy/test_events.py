from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.comfy.events import (
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    ImageRef,
    Preview,
    Progress,
    ProgressState,
    Status,
    Unknown,
    decode_binary,
    decode_text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
KINDS = [
    "status",
    "execution_start",
    "execution_cached",
    "executing",
    "progress",
    "progress_state",
    "executed",
    "execution_success",
    "execution_error",
    "execution_interrupted",
    "feature_flags",
]
MEMBERS = ["prompt_id", "node", "nodes", "value", "max", "output", "status", "node_id", "node_type", "exception_message", "sid"]


def decoded(trace: list[dict[str, Any]]) -> list[Any]:
    return [decode_text(orjson.dumps(frame["msg"])) for frame in trace if frame["kind"] == "text"]


def test_every_text_frame_of_a_real_engine_is_understood(trace: list[dict[str, Any]]) -> None:
    unknown = [event for event in decoded(trace) if isinstance(event, Unknown)]
    assert all(event.kind == "feature_flags" for event in unknown)


def test_a_real_engine_tells_a_prompt_in_the_order_the_protocol_says(trace: list[dict[str, Any]]) -> None:
    events = decoded(trace)
    prompt = next(event.prompt_id for event in events if isinstance(event, ExecutionStart))
    own = [event for event in events if getattr(event, "prompt_id", None) == prompt]
    assert isinstance(own[0], ExecutionStart)
    assert isinstance(own[1], ExecutionCached)
    assert [type(event) for event in own[-2:]] == [ExecutionSuccess, Executing]
    assert own[-1].node is None
    saved = [event for event in own if isinstance(event, Executed)]
    assert [len(event.images) for event in saved] == [1]
    assert saved[0].images[0].type == "output"


def test_steps_of_a_real_engine_count_up_to_their_number(trace: list[dict[str, Any]]) -> None:
    steps = [(event.value, event.maximum) for event in decoded(trace) if isinstance(event, Progress)]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_node_state_is_read_whole(trace: list[dict[str, Any]]) -> None:
    states = [event for event in decoded(trace) if isinstance(event, ProgressState)]
    assert {state.state for state in states[-1].nodes.values()} == {"finished"}


def test_the_first_frame_names_the_session() -> None:
    frame = b'{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 3}}, "sid": "abc"}}'
    assert decode_text(frame) == Status(3, "abc")


def test_a_failure_keeps_the_engines_own_words() -> None:
    data = {
        "prompt_id": "p",
        "node_id": "5",
        "node_type": "KSampler",
        "executed": [],
        "exception_message": "Allocation on device \n",
        "exception_type": "torch.OutOfMemoryError",
        "traceback": ["..."],
    }
    event = decode_text(orjson.dumps({"type": "execution_error", "data": data}))
    assert event == ExecutionError("p", "5", "KSampler", "torch.OutOfMemoryError", "Allocation on device")


def test_an_interruption_is_not_a_failure() -> None:
    frame = orjson.dumps({"type": "execution_interrupted", "data": {"prompt_id": "p", "node_id": "5", "node_type": "KSampler"}})
    assert decode_text(frame) == ExecutionInterrupted("p", "5")


def test_new_members_of_todays_engines_do_not_disturb() -> None:
    image = {"filename": "a.png", "subfolder": "wakebrush", "type": "output", "id": 7, "preview_id": None}
    data = {"prompt_id": "p", "node": "9", "display_node": "9", "output": {"images": [image, 7], "text": ["x"]}, "new": {}}
    event = decode_text(orjson.dumps({"type": "executed", "data": data}))
    assert event == Executed("p", "9", (ImageRef("a.png", "wakebrush", "output"),))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{}",
        b'{"type": 1}',
        b'{"type": "status", "data": null}',
        b'{"type": "assets.seed.started", "data": {}}',
    ],
)
def test_what_is_not_understood_is_unknown(frame: bytes) -> None:
    assert isinstance(decode_text(frame), Unknown)


def test_a_preview_without_names_is_only_a_picture() -> None:
    assert decode_binary(struct.pack(">II", 1, 1) + b"jpeg") == Preview(None, None, "image/jpeg", b"jpeg")
    assert decode_binary(struct.pack(">II", 1, 2) + b"png") == Preview(None, None, "image/png", b"png")


def test_a_preview_with_names_says_whose_it_is() -> None:
    names = orjson.dumps({"node_id": "3", "prompt_id": "p", "image_type": "image/jpeg", "display_node_id": "3"})
    frame = struct.pack(">II", 4, len(names)) + names + b"picture"
    assert decode_binary(frame) == Preview("p", "3", "image/jpeg", b"picture")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0\0\0",
        struct.pack(">II", 1, 9) + b"x",
        struct.pack(">II", 3, 1) + b"5text",
        struct.pack(">II", 4, 1_000_000) + b"short",
        struct.pack(">II", 4, 2) + b"[]picture",
        struct.pack(">II", 4, 2) + b"{]picture",
        struct.pack(">II", 77, 0),
    ],
)
def test_a_broken_or_new_binary_frame_is_unknown(frame: bytes) -> None:
    assert isinstance(decode_binary(frame), Unknown)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\0\0\0\1", b"\0\0\0\4", b"\0\0\0\4\0\0\0\2{}"]))
def test_no_binary_frame_raises(tail: bytes, head: bytes) -> None:
    assert isinstance(decode_binary(head + tail), Preview | Unknown)


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(MEMBERS), JSON) | JSON)
def test_no_message_raises(kind: str, data: Any) -> None:
    decode_text(orjson.dumps({"type": kind, "data": data}))


@given(st.text())
def test_no_text_raises(text: str) -> None:
    decode_text(text)
