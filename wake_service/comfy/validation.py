"""Whether an engine will take a graph, judged before it is sent.

The rules are the engine's own and stricter in one thing: an input that the class does not have, which the engine
overlooks, is a problem here, because in a graph that we build it is a mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .catalogue import COMBO, Catalogue, InputSpec, NodeClass
from .workflow import Node, Workflow


class Flaw(StrEnum):
    """Kinds of problems; where ComfyUI has a name for one, it is that name."""

    MISSING_NODE_TYPE = "missing_node_type"
    REQUIRED_INPUT_MISSING = "required_input_missing"
    UNKNOWN_INPUT = "unknown_input"
    INVALID_INPUT_TYPE = "invalid_input_type"
    VALUE_TOO_SMALL = "value_smaller_than_min"
    VALUE_TOO_BIG = "value_bigger_than_max"
    VALUE_NOT_IN_LIST = "value_not_in_list"
    BAD_LINK = "bad_linked_input"
    TYPE_MISMATCH = "return_type_mismatch"
    CYCLE = "dependency_cycle"
    NO_OUTPUTS = "prompt_no_outputs"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing an engine would refuse. `node` and `input` are None where the graph as a whole is meant."""

    kind: Flaw
    message: str
    node: str | None = None
    input: str | None = None


def validate(workflow: Workflow, catalogue: Catalogue) -> list[Problem]:
    """All problems of a graph with one engine; none: the engine takes it, unless a file it names is damaged."""
    problems = list(_outputs(workflow, catalogue))
    for node_id, node in workflow.nodes.items():
        node_class = catalogue.node(node["class_type"])
        if node_class is None:
            message = f"The engine has no node “{node['class_type']}”."
            problems.append(Problem(Flaw.MISSING_NODE_TYPE, message, node_id))
        else:
            problems.extend(_NodeCheck(workflow, catalogue, node_id, node_class).problems(node))
    problems.extend(_cycle(workflow))
    return problems


class _NodeCheck:
    """Checks one node of a graph."""

    def __init__(self, workflow: Workflow, catalogue: Catalogue, node_id: str, node_class: NodeClass) -> None:
        self._workflow = workflow
        self._catalogue = catalogue
        self._node_id = node_id
        self._class = node_class

    def problems(self, node: Node) -> Iterator[Problem]:
        given: Mapping[str, Any] = node["inputs"]
        for name, spec in self._class.inputs.items():
            if name in given:
                yield from self._value(spec, given[name])
            elif spec.required and not any(key.startswith(f"{name}.") for key in given):
                yield self._problem(Flaw.REQUIRED_INPUT_MISSING, name, "is missing")
        for name in given:
            # Inputs that grow by themselves are written `parent.child`.
            if name not in self._class.inputs and name.partition(".")[0] not in self._class.inputs:
                yield self._problem(Flaw.UNKNOWN_INPUT, name, "does not exist")

    def _value(self, spec: InputSpec, value: Any) -> Iterator[Problem]:
        if isinstance(value, list):
            yield from self._link(spec, value)
        elif spec.type in _PLAIN:
            if not _PLAIN[spec.type](value):
                yield self._problem(Flaw.INVALID_INPUT_TYPE, spec.name, f"must be {spec.type}, not {value!r}")
            elif spec.type in ("INT", "FLOAT"):
                yield from self._range(spec, value)
        elif spec.type == COMBO:
            yield from self._choice(spec, value)
        elif self._catalogue.makes(spec.type):
            yield self._problem(
                Flaw.INVALID_INPUT_TYPE, spec.name, f"must come from a node that makes {spec.type}, not be {value!r}"
            )

    def _range(self, spec: InputSpec, value: float) -> Iterator[Problem]:
        if spec.minimum is not None and value < spec.minimum:
            yield self._problem(Flaw.VALUE_TOO_SMALL, spec.name, f"is {value}, but at least {spec.minimum} is needed")
        if spec.maximum is not None and value > spec.maximum:
            yield self._problem(Flaw.VALUE_TOO_BIG, spec.name, f"is {value}, but at most {spec.maximum} is allowed")

    def _choice(self, spec: InputSpec, value: Any) -> Iterator[Problem]:
        if not spec.checked or spec.choices is None or spec.many:
            return
        if value not in spec.choices:
            yield self._problem(Flaw.VALUE_NOT_IN_LIST, spec.name, f"is {value!r}, which the engine does not offer")

    def _link(self, spec: InputSpec, link: list[Any]) -> Iterator[Problem]:
        if len(link) != 2 or not isinstance(link[0], str) or not isinstance(link[1], int) or isinstance(link[1], bool):
            yield self._problem(Flaw.BAD_LINK, spec.name, f"is no link: {link!r}")
            return
        source, slot = link
        class_type = self._workflow.class_of(source)
        if class_type is None:
            yield self._problem(Flaw.BAD_LINK, spec.name, f"comes from the node {source}, which does not exist")
            return
        made = self._catalogue.node(class_type)
        if made is None:
            return
        if not 0 <= slot < len(made.outputs):
            yield self._problem(
                Flaw.BAD_LINK, spec.name, f"comes from output {slot} of {class_type}, which has {len(made.outputs)}"
            )
        elif not _fits(made.outputs[slot], spec.type):
            yield self._problem(Flaw.TYPE_MISMATCH, spec.name, f"needs {spec.type}, but {class_type} gives {made.outputs[slot]}")

    def _problem(self, kind: Flaw, input_name: str, what: str) -> Problem:
        return Problem(kind, f"{self._class.name} (node {self._node_id}): {input_name} {what}.", self._node_id, input_name)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PLAIN: dict[str, Callable[[Any], bool]] = {
    "INT": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "FLOAT": _is_number,
    "STRING": lambda value: isinstance(value, str),
    "BOOLEAN": lambda value: isinstance(value, bool),
}


def _fits(given: str, wanted: str) -> bool:
    """Whether an output may feed an input. Both may be unions (`A,B`); `*` is anything; the engine judges compound types."""
    if "*" in (given, wanted) or wanted.startswith("COMFY_") or given.startswith("COMFY_"):
        return True
    if wanted == COMBO:
        return given in (COMBO, "STRING")
    return set(given.split(",")) <= set(wanted.split(","))


def _outputs(workflow: Workflow, catalogue: Catalogue) -> Iterator[Problem]:
    output_class = workflow.class_of(workflow.output_node)
    if output_class is None:
        yield Problem(Flaw.NO_OUTPUTS, f"The node {workflow.output_node}, which should save the picture, does not exist.")
        return
    node_class = catalogue.node(output_class)
    if node_class is not None and not node_class.is_output:
        message = f"{output_class} (node {workflow.output_node}) should save the picture, but saves nothing."
        yield Problem(Flaw.NO_OUTPUTS, message, workflow.output_node)


def _cycle(workflow: Workflow) -> Iterator[Problem]:
    graph = {
        node_id: [
            value[0] for value in node["inputs"].values() if isinstance(value, list) and value and isinstance(value[0], str)
        ]
        for node_id, node in workflow.nodes.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        path = " → ".join(reversed(found.args[1]))
        yield Problem(Flaw.CYCLE, f"The graph runs in a circle: {path}.", found.args[1][0])
