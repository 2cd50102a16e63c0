"""A model that is not whole is found out before a picture waits for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_image.agent.safetensors import flaw

WHOLE = {"__metadata__": {"format": "pt"}, "w": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}}


def file(header: Any, tensors: int = 8) -> bytes:
    data = json.dumps(header).encode()
    return len(data).to_bytes(8, "little") + data + bytes(tensors)


def looked_at(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    fd = os.open(path, os.O_RDONLY)
    try:
        return flaw(fd, len(content))
    finally:
        os.close(fd)


def test_a_whole_file_has_no_flaw(tmp_path: Path) -> None:
    assert looked_at(tmp_path / "a", file(WHOLE)) == ""
    assert looked_at(tmp_path / "a", file({}, 0)) == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "too short"),
        (b"\x08\0\0", "too short"),
        (file(WHOLE)[:20], "does not fit"),
        (b"\xff" * 100, "does not fit"),
        (file(WHOLE, 7), "ends early: it has"),
        (b"\x04\0\0\0\0\0\0\0{..}", "cannot be read"),
        (file([]), "cannot be read"),
        (file({"w": 1}), "cannot be read"),
        (file({"w": {"data_offsets": [4, 0]}}), "cannot be read"),
        (file({"w": {"data_offsets": [True, 8]}}), "cannot be read"),
        (file({"w": {"data_offsets": [-1, 8]}}), "cannot be read"),
        ((50_000).to_bytes(8, "little") + b"[" * 50_000, "cannot be read"),
        (b"<!DOCTYPE html><title>Not found</title>", "does not fit"),
    ],
)
def test_a_flaw_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in looked_at(tmp_path / "a", content)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert isinstance(looked_at(tmp_path_factory.getbasetemp() / "any", content), str)
