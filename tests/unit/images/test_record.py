"""Which images were before: what a way back goes to, however it is reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.errors import SetupError
from wake_service.images.record import KEPT, Record, first

IMAGES = st.sampled_from(["ami-a", "ami-b", "ami-c", "ami-d", "ami-e", "ami-f", "ami-g", "ami-h"])


def test_the_way_back_goes_to_the_image_that_was_in_use() -> None:
    rolled = first("ami-a").towards("ami-b", in_use="ami-a")
    assert rolled.backwards(proven=True) == Record("ami-a", back=True, proven=True)


def test_a_roll_that_is_said_again_is_the_same_one() -> None:
    rolling = Record("ami-b", ("ami-a",), trying="i-1")
    assert rolling.towards("ami-b", in_use="ami-a") is rolling


def test_an_image_that_never_got_into_use_is_none_to_go_back_to() -> None:
    failed = first("ami-a").towards("ami-bad", in_use="ami-a")
    assert failed.towards("ami-c", in_use="ami-a").past == ("ami-a",)


def test_a_first_image_has_none_before() -> None:
    with pytest.raises(SetupError, match="nothing to go back to"):
        first("ami-a").backwards(proven=False)
    with pytest.raises(SetupError, match="nothing to go back to"):
        first(None).towards("ami-a", in_use=None).backwards(proven=False)


@given(st.lists(IMAGES, min_size=1, max_size=30))
def test_the_past_never_holds_the_goal_or_an_image_twice(images: list[str]) -> None:
    record, in_use = first(None), None
    for image in images:
        record = record.towards(image, in_use=in_use)
        in_use = image
        assert image not in record.past and len(set(record.past)) == len(record.past) <= KEPT
        assert record.goal == image


@given(st.lists(IMAGES, min_size=2, max_size=30))
def test_the_newest_of_the_past_is_the_one_that_was_left(images: list[str]) -> None:
    record, in_use = first(None), None
    for image in images:
        left, record = in_use, record.towards(image, in_use=in_use)
        in_use = image
        if left not in (None, image):
            assert record.past[-1] == left
