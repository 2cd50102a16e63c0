"""Pages of the list of jobs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2.pages import MOST, Page, cursor, page


def code(*query: tuple[str, str]) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        page(query)
    assert isinstance(caught.value.body, dict)
    return caught.value.status, caught.value.body["error"]["code"]


def test_without_a_query_it_is_the_newest() -> None:
    assert page([]) == Page()


@given(st.integers(0, 10**18 - 1))
def test_a_cursor_leads_back_to_its_place(place: int) -> None:
    assert page([("cursor", cursor(place))]).before == place


@pytest.mark.parametrize("forged", ["12", "YmVmb3JlOjEy=", "YmVmb3JlOi0x", "ümlaut", "!!!", "YmVmb3JlOng", "A"])
def test_a_cursor_that_was_not_given_out_is_refused(forged: str) -> None:
    assert code(("cursor", forged)) == (400, "invalid_cursor")


def test_three_labels_may_be_asked_for_and_all_must_fit() -> None:
    wanted = page([("metadata[a]", "1"), ("metadata[b]", "2"), ("metadata[c]", "")])
    assert wanted.takes({"a": "1", "b": "2", "c": "", "d": "4"})
    assert not wanted.takes({"a": "1", "b": "2"})
    assert code(*((f"metadata[{name}]", "x") for name in "abcd")) == (400, "invalid_metadata_filter")


@pytest.mark.parametrize("key", ["", "white space", "k" * 41])
def test_what_cannot_be_a_label_cannot_be_asked_for(key: str) -> None:
    assert code((f"metadata[{key}]", "x")) == (400, "invalid_metadata_filter")


def test_a_page_has_a_largest_size() -> None:
    assert page([("limit", "100000")]).limit == MOST
    for wrong in ("0", "-1", "x", "", "1e3"):
        assert code(("limit", wrong)) == (400, "invalid_request")


def test_only_states_that_exist_can_be_asked_for() -> None:
    assert page([("status", "failed")]).status == "failed"
    assert code(("status", "waking")) == (400, "invalid_request")


def test_parameters_nobody_knows_are_overlooked() -> None:
    assert page([("deployment", "x"), ("metadata", "y")]) == Page()
