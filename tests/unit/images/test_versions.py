"""What an image holds, as tags: each by its name, within AWS's limits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.errors import SetupError
from wake_service.images.versions import LONGEST_NAME, LONGEST_VALUE, MOST_TAGS, read_versions, version_tags

AWS_TAKES = re.compile(r"[A-Za-z0-9 _.:/=+@-]*")
NAMES = st.text(min_size=1, max_size=150)
VERSIONS = st.dictionaries(NAMES, st.text(min_size=1, max_size=300), max_size=45)


def test_each_version_is_a_tag_of_its_own() -> None:
    assert version_tags({"torch": "2.9.1+cu128", "comfyui": "v0.45.2"}) == {
        "wakebrush-version-comfyui": "v0.45.2",
        "wakebrush-version-torch": "2.9.1+cu128",
    }


def test_what_aws_does_not_take_in_a_tag_is_replaced() -> None:
    assert version_tags({"kernel": "6.8.0~(aws)"}) == {"wakebrush-version-kernel": "6.8.0--aws-"}


def test_versions_without_room_share_tags_and_none_is_left_out() -> None:
    versions = {f"pack-{number:03}": "a" * 40 for number in range(100)}
    made = version_tags(versions, present=["Name", "wakebrush"])
    told = " ".join([*made, *made.values()])
    assert all(name in told for name in versions) and len(made) < MOST_TAGS


def test_more_than_all_tags_hold_is_said() -> None:
    with pytest.raises(SetupError, match="more than AWS's 50 tags have room for"):
        version_tags({f"pack-{number:03}": "a" * 250 for number in range(100)})


@given(VERSIONS, st.lists(st.sampled_from(["Name", "wakebrush", "cost-centre"]), unique=True))
def test_tags_are_always_within_what_aws_takes(versions: dict[str, str], present: list[str]) -> None:
    made = version_tags(versions, present)
    assert len(made) + len(present) < MOST_TAGS
    assert all(len(key) <= LONGEST_NAME and len(value) <= LONGEST_VALUE for key, value in made.items())
    assert all(AWS_TAKES.fullmatch(key) and AWS_TAKES.fullmatch(value) for key, value in made.items())


def test_nested_versions_are_read_flat(tmp_path: Path) -> None:
    path = tmp_path / "versions.json"
    path.write_text(json.dumps({"comfyui": "v0.45.2", "packs": {"inpaint": "abc"}, "gpus": ["A10G", "L4"], "driver": ""}))
    assert read_versions(path) == {"comfyui": "v0.45.2", "packs.inpaint": "abc", "gpus": "A10G L4"}


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_versions_that_cannot_be_read_are_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "versions.json"
    path.write_text(text)
    with pytest.raises(SetupError, match="What the image holds cannot be read"):
        read_versions(path)
