"""Names are counted on and never given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.files.media import UNKNOWN, blob_media_type, media_type
from wake_service.files.numbering import Numbered, beyond, follower, next_copy, number_of, numbered

NAMES = st.builds("x_{:05}{}".format, st.integers(0, 30), st.sampled_from(["_.png", ".mp4", "_.flac"]))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ComfyUI_00001_.png", Numbered("ComfyUI_", 1, "_.png")),
        ("a_00002_00003_.webp", Numbered("a_00002_", 3, "_.webp")),
        ("film_00012.mp4", Numbered("film_", 12, ".mp4")),
        ("film_00012-audio.mp4", Numbered("film_", 12, "-audio.mp4")),
        ("ComfyUI_20261126_.png", None),
        ("ComfyUI_12345_.png", None),
        ("00001_.png", None),
        ("result.png", None),
        ("x_001_.png", None),
    ],
)
def test_only_what_an_engine_counts_is_a_number(name: str, parts: Numbered | None) -> None:
    assert numbered(name) == parts
    assert parts is None or parts.at(parts.number) == name


@given(st.sets(NAMES))
def test_the_number_behind_all_is_nobody_s(names: set[str]) -> None:
    assert all((number_of(name, "x_") or 0) < beyond("x_", names) for name in names)
    assert beyond("other_", names) == 1


@given(first=NAMES, second=NAMES)
def test_what_follows_keeps_the_engine_s_distance(first: str, second: str) -> None:
    parts, shown = numbered(second), number_of(first, "x_")
    assert parts is not None and shown is not None
    assert follower(parts, first) == (shown or 1) + parts.number - 1


@given(name=st.text(min_size=1, max_size=12), taken=st.sets(st.text(max_size=12)))
def test_a_copy_is_never_one_that_is_there(name: str, taken: set[str]) -> None:
    copy = next_copy(name, taken)
    assert copy not in taken and (copy == name or name in taken)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.png", b"", "image/png"),
        ("a.PNG", b"words", "image/png"),
        ("a.glb", b"", "model/gltf-binary"),
        ("a.latent", b"", UNKNOWN),
        ("a", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.bin", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("a", b"<html>", UNKNOWN),
        ("a", b"", UNKNOWN),
        ("a.svg", b"\x89PNG\r\n\x1a\n", "image/svg+xml"),
    ],
)
def test_a_file_is_what_its_name_says_or_else_its_first_bytes(name: str, head: bytes, kind: str) -> None:
    assert media_type(name, head) == kind


def test_a_kind_that_is_too_long_for_a_blob_is_left_open_there() -> None:
    assert blob_media_type("image/png") == "image/png"
    assert blob_media_type("application/vnd.openxmlformats-officedocument") == UNKNOWN
