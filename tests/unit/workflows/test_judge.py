"""What is refused before any machine is asked: only what no update could make valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wake_service.comfy.catalogue import Catalogue
from wake_service.workflows.judge import MOST_NODES, judge
from wake_service.workflows.model import GraphRefused

INFO = Path(__file__).parents[2] / "fixtures" / "comfyui"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    (newest,) = sorted(INFO.glob("object_info-*.json"))[-1:]
    return Catalogue.parse(json.loads(newest.read_text(encoding="utf-8")))


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def plain() -> dict[str, Any]:
    return {"1": node("EmptyImage", width=8, height=8), "2": node("SaveImage", images=["1", 0], filename_prefix="a")}


def refusal(prompt: object, catalogue: Catalogue | None = None) -> GraphRefused:
    with pytest.raises(GraphRefused) as refused:
        judge(prompt, catalogue)
    return refused.value


def test_a_graph_that_could_run_is_taken(catalogue: Catalogue) -> None:
    assert judge(plain(), catalogue) == plain()


def test_what_the_machines_may_have_learned_meanwhile_is_left_to_them(catalogue: Catalogue) -> None:
    prompt = plain() | {"3": node("SomeNewNode", model="a model of tomorrow"), "4": node("KSampler", sampler_name="new", steps=0)}
    assert judge(prompt, catalogue) == prompt


@pytest.mark.parametrize("prompt", [None, [], "text", 3, {"1": None}, {"1": []}, {"1": {}}, {"1": {"class_type": ["x"]}}, {}])
def test_nonsense_is_refused_in_comfyuis_own_words(prompt: object) -> None:
    assert set(refusal(prompt).error) == {"type", "message", "details", "extra_info"}


def test_a_node_without_a_class_is_named_with_its_title() -> None:
    prompt = plain() | {"9": {"inputs": {}, "_meta": {"title": "My node"}}}
    error = refusal(prompt).error
    assert error["type"] == "missing_node_type"
    assert error["extra_info"] == {"node_id": "9", "class_type": None, "node_title": "My node"}


def test_a_graph_that_saves_nothing_is_refused_where_every_class_is_known(catalogue: Catalogue) -> None:
    prompt = {"1": node("EmptyImage", width=8, height=8)}
    assert refusal(prompt, catalogue).kind == "prompt_no_outputs"
    unknown = prompt | {"2": node("PerhapsSavesSomething", images=["1", 0])}
    assert judge(unknown, catalogue) == unknown
    assert judge(prompt, None) == prompt


@pytest.mark.parametrize("link", [["99", 0], ["1", -1], ["1", "0"], [1, 0], ["1", None], ["1", True], ["1"], []])
def test_a_link_that_leads_nowhere_is_refused_with_its_node(link: Any) -> None:
    prompt = plain()
    prompt["2"]["inputs"]["images"] = link
    refused = refusal(prompt)
    assert refused.kind == "prompt_outputs_failed_validation"
    assert refused.node_errors["2"]["class_type"] == "SaveImage"
    assert refused.node_errors["2"]["errors"][0]["extra_info"]["input_name"] == "images"


def test_a_ring_is_refused() -> None:
    prompt = plain() | {"1": node("ImageInvert", image=["2", 0])}
    (entry,) = refusal(prompt).node_errors.values()
    assert entry["errors"][0]["type"] == "dependency_cycle"


def test_a_graph_nested_deeper_than_can_be_written_down_is_refused() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(levels):
            value = {"__value__": [value]}
        return plain() | {"3": node("Anything", value=value)}

    assert judge(nested(40), None)
    assert refusal(nested(200)).kind == "invalid_prompt"


def test_ten_thousand_nodes_are_taken_and_one_more_is_not() -> None:
    chain = {str(n): node("ImageInvert", image=[str(n - 1), 0]) for n in range(1, MOST_NODES)}
    whole = {"0": node("EmptyImage")} | chain
    assert len(judge(whole, None)) == MOST_NODES
    assert "at most" in refusal(whole | {"x": node("EmptyImage")}).error["message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
nodes = (
    st.fixed_dictionaries({"class_type": st.sampled_from(["EmptyImage", "SaveImage", "X"]), "inputs": json_values}) | json_values
)


@given(st.dictionaries(st.sampled_from("1234"), nodes, max_size=4) | json_values)
def test_whatever_comes_is_taken_or_refused_and_nothing_else(prompt: object) -> None:
    try:
        assert judge(prompt, None) is prompt
    except GraphRefused as refused:
        json.dumps([refused.error, refused.node_errors])
