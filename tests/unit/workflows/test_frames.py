"""Frames in the forms that clients know."""

from __future__ import annotations

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from wake_service.workflows import frames
from wake_service.workflows.frames import Kind

UPSTREAM = "0d9f2c50-9f8e-4b0e-8f0c-1df0d6d64b2a"


def named(image: bytes, **header: str) -> bytes:
    packed = json.dumps(header).encode()
    return struct.pack(">II", 4, len(packed)) + packed + image


@given(st.text(min_size=1, max_size=30), st.binary(max_size=64), st.sampled_from(["image/png", "image/jpeg"]))
def test_a_picture_reaches_its_client_under_the_clients_name_in_either_form(name: str, image: bytes, kind: str) -> None:
    raw = named(image, prompt_id=UPSTREAM, node_id="3", image_type=kind)
    frame = frames.picture(raw, UPSTREAM, name, Kind.PREVIEW)
    body = frame.for_client(headers=True)
    assert isinstance(body, bytes)
    event, length = struct.unpack_from(">II", body)
    assert (event, json.loads(body[8 : 8 + length])) == (4, {"prompt_id": name, "node_id": "3", "image_type": kind})
    assert body[8 + length :] == image
    plain = frame.for_client(headers=False)
    assert plain == struct.pack(">II", 1, 2 if kind == "image/png" else 1) + image
    assert frames.image_of(body) == frames.image_of(plain) == image


def test_the_older_form_is_passed_on_as_it_is() -> None:
    raw = struct.pack(">II", 1, 2) + b"png"
    frame = frames.picture(raw, UPSTREAM, "mine", Kind.RESULT)
    assert frame.for_client(headers=True) is raw and frame.for_client(headers=False) is raw


def test_the_first_status_tells_the_sid() -> None:
    assert json.loads(frames.status(2, "me").body) == {
        "type": "status",
        "data": {"status": {"exec_info": {"queue_remaining": 2}}, "sid": "me"},
    }
