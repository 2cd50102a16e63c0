"""References to assets, wherever they stand in a graph."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2.references import referenced, swap, unexpected

ID = "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b"


def reference(asset_id: Any = ID, **info: Any) -> dict[str, Any]:
    return {"__type": "core/ASSET", "info": {"id": asset_id, **info}}


def test_references_are_found_and_swapped_wherever_a_value_may_stand() -> None:
    graph = {"1": {"inputs": {"image": reference(), "many": [1, [reference(hash="blake3:00", file_path="a.png")]]}}, "2": 3}
    assert referenced(graph) == [ID]
    swap(graph, {ID: "a.png"})
    assert graph == {"1": {"inputs": {"image": "a.png", "many": [1, ["a.png"]]}}, "2": 3}


@pytest.mark.parametrize(
    "broken",
    [
        {"__type": "core/ASSET"},
        {"__type": "core/ASSET", "info": "x"},
        reference(None),
        reference(7),
        reference("../../etc/passwd"),
        reference([ID]),
    ],
)
def test_a_malformed_reference_is_a_missing_asset(broken: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        referenced({"1": {"inputs": {"image": broken}}})
    assert isinstance(caught.value.body, dict)
    assert (caught.value.status, caught.value.body["error"]["code"]) == (422, "missing_asset")


def test_an_object_of_another_type_is_no_reference() -> None:
    assert referenced({"1": {"inputs": {"x": {"__type": "other", "info": {"id": "no"}}}}}) == []


def test_an_id_in_capitals_means_the_same() -> None:
    graph: dict[str, Any] = {"1": reference(ID.upper())}
    assert referenced(graph) == [ID]
    swap(graph, {ID: "a.png"})
    assert graph == {"1": "a.png"}


def test_a_graph_as_deep_as_json_may_be_is_read() -> None:
    deep = orjson.loads(b'{"1":' + b'{"a":' * 1000 + orjson.dumps(reference()) + b"}" * 1001)
    assert referenced(deep) == [ID]


def test_references_where_no_file_is_known_to_be_wanted_are_told_apart() -> None:
    other = "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6c"
    graph: dict[str, Any] = {
        "1": {"class_type": "LoadImage", "inputs": {"image": reference()}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "a.png", "note": reference(other)}},
        "3": {"class_type": None, "inputs": {}},
        "4": "no node",
    }
    assert unexpected(graph, lambda kind: ["image"] if kind == "LoadImage" else []) == {other}
    assert unexpected(graph, lambda _kind: []) == {ID, other}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), json_values))
def test_what_holds_no_reference_is_left_as_it_is(graph: dict[str, Any]) -> None:
    before = orjson.dumps(graph, option=orjson.OPT_SORT_KEYS) if _encodable(graph) else None
    assert referenced(graph) == []
    swap(graph, {})
    assert before is None or orjson.dumps(graph, option=orjson.OPT_SORT_KEYS) == before


def _encodable(graph: Any) -> bool:
    try:
        orjson.dumps(graph)
    except (TypeError, ValueError):
        return False
    return True
