"""A ComfyUI graph as a value, and a small builder for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Node = dict[str, Any]


class Output(NamedTuple):
    """One output of a node, as a value to wire into another node's input: (node id, output number)."""

    node: str
    slot: int = 0

    def slot_at(self, slot: int) -> Output:
        """Another output of the same node."""
        return Output(self.node, slot)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph in ComfyUI's API form.

    `nodes` is `{id: {"class_type", "inputs"}}`, where a linked input is `[node id, output number]`;
    it can be sent as it is. `output_node` is the id of the node whose images are the result.
    """

    nodes: dict[str, Node]
    output_node: str

    def class_of(self, node: str) -> str | None:
        """The class of a node, None when there is no such node."""
        found = self.nodes.get(node)
        return None if found is None else found["class_type"]


class WorkflowBuilder:
    """Collects nodes. Ids count up from 1 in the order of `add`, so equal calls give equal graphs."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def add(self, class_type: str, **inputs: Any) -> Output:
        """Adds a node and returns its first output. An `Output` among the inputs becomes a link."""
        node = str(len(self._nodes) + 1)
        self._nodes[node] = {"class_type": class_type, "inputs": _wired(inputs)}
        return Output(node)

    def finish(self, output: Output) -> Workflow:
        """The graph; `output` is the node that saves."""
        return Workflow(self._nodes, output.node)


def _wired(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [value.node, value.slot] if isinstance(value, Output) else value for name, value in inputs.items()}
