from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.graph import build
from wake_service.comfy.request import Mode
from wake_service.comfy.validation import Flaw, validate
from wake_service.comfy.workflow import Workflow

from .samples import request

Change = Callable[[dict[str, Any]], None]


def broken(change: Change) -> Workflow:
    """A good graph with one thing changed. `change` gets the nodes by class."""
    good = build(request(Mode.IMAGE_TO_IMAGE))
    nodes = copy.deepcopy(good.nodes)
    change({node["class_type"]: node for node in nodes.values()})
    return Workflow(nodes, good.output_node)


def given(class_type: str, name: str, value: Any) -> Change:
    return lambda nodes: nodes[class_type]["inputs"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda nodes: nodes["VAEEncode"].update(class_type="VAEEncodeAgain"), Flaw.MISSING_NODE_TYPE),
        (lambda nodes: nodes["KSampler"]["inputs"].pop("seed"), Flaw.REQUIRED_INPUT_MISSING),
        (given("KSampler", "sed", 1), Flaw.UNKNOWN_INPUT),
        (given("KSampler", "seed", "42"), Flaw.INVALID_INPUT_TYPE),
        (given("KSampler", "steps", True), Flaw.INVALID_INPUT_TYPE),
        (given("KSampler", "model", "a name"), Flaw.INVALID_INPUT_TYPE),
        (given("KSampler", "seed", -1), Flaw.VALUE_TOO_SMALL),
        (given("KSampler", "seed", 2**64), Flaw.VALUE_TOO_BIG),
        (given("KSampler", "denoise", 1.01), Flaw.VALUE_TOO_BIG),
        (given("KSampler", "sampler_name", "oiler"), Flaw.VALUE_NOT_IN_LIST),
        (given("CheckpointLoaderSimple", "ckpt_name", "gone.safetensors"), Flaw.VALUE_NOT_IN_LIST),
        (given("KSampler", "model", ["99", 0]), Flaw.BAD_LINK),
        (given("KSampler", "model", ["1", 7]), Flaw.BAD_LINK),
        (given("KSampler", "model", ["1"]), Flaw.BAD_LINK),
        (given("KSampler", "model", ["1", 1]), Flaw.TYPE_MISMATCH),
    ],
)
def test_each_flaw_is_named_once(catalogue: Catalogue, change: Change, kind: Flaw) -> None:
    assert [problem.kind for problem in validate(broken(change), catalogue)] == [kind]


def test_a_problem_says_where_and_what(catalogue: Catalogue) -> None:
    (problem,) = validate(broken(given("KSampler", "steps", 0)), catalogue)
    assert problem.input == "steps"
    assert problem.message == f"KSampler (node {problem.node}): steps is 0, but at least 1 is needed."


def test_every_flaw_is_told_not_only_the_first(catalogue: Catalogue) -> None:
    workflow = broken(lambda nodes: nodes["KSampler"]["inputs"].update(steps=0, seed=-1, sampler_name="oiler"))
    assert len(validate(workflow, catalogue)) == 3


def test_uploaded_files_are_left_to_the_engine(catalogue: Catalogue) -> None:
    assert validate(broken(given("LoadImage", "image", "wakebrush/never-listed.png")), catalogue) == []


def test_a_circle_is_found(catalogue: Catalogue) -> None:
    nodes = {
        "1": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }
    assert [problem.kind for problem in validate(Workflow(nodes, "3"), catalogue)] == [Flaw.CYCLE]


@pytest.mark.parametrize("output", ["1", "99"])
def test_a_graph_that_saves_nothing_is_found(catalogue: Catalogue, output: str) -> None:
    good = build(request())
    assert [problem.kind for problem in validate(Workflow(good.nodes, output), catalogue)] == [Flaw.NO_OUTPUTS]


def test_unions_and_wildcards_fit_as_the_engine_lets_them() -> None:
    catalogue = Catalogue.parse(
        {
            "One": {"input": {}, "output": ["A"]},
            "Either": {"input": {}, "output": ["A,B"]},
            "Any": {"input": {}, "output": ["*"]},
            "List": {"input": {}, "output": [["x", "y"]]},
            "Take": {
                "input": {"optional": {"either": ["A,B"], "one": ["A"], "combo": [["x", "y"]], "new": ["COMFY_AUTOGROW_V3", {}]}},
                "output_node": True,
            },
        }
    )

    def problems(class_type: str, name: str) -> list[Flaw]:
        nodes = {"1": {"class_type": class_type, "inputs": {}}, "2": {"class_type": "Take", "inputs": {name: ["1", 0]}}}
        return [problem.kind for problem in validate(Workflow(nodes, "2"), catalogue)]

    assert problems("One", "either") == problems("Any", "one") == problems("List", "combo") == problems("One", "new") == []
    assert problems("Either", "one") == problems("One", "combo") == [Flaw.TYPE_MISMATCH]


def test_todays_compound_inputs_pass() -> None:
    catalogue = Catalogue.parse(
        {
            "Save": {
                "input": {"required": {"images": ["COMFY_AUTOGROW_V3", {}], "format": ["COMFY_DYNAMICCOMBO_V3", {}]}},
                "output_node": True,
            }
        }
    )
    nodes = {"1": {"class_type": "Save", "inputs": {"images.image0": 1, "format": "png", "format.bit_depth": 8}}}
    assert validate(Workflow(nodes, "1"), catalogue) == []
