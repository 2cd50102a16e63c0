"""Says whether a prompt can run, in ComfyUI's own words and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from .catalogue import Catalogue, NodeClass
from .folders import Folders
from .graph import links

Problem: TypeAlias = dict[str, Any]
"""`{"type", "message", "details", "extra_info"}`."""

LONG_LIST = 20
"""Longer lists of choices are not spelled out in an error."""


@dataclass(slots=True)
class Verdict:
    """`outputs`: the output nodes that can run. `error` is set when there is none; `node_errors` may be filled either way."""

    outputs: list[str] = field(default_factory=list)
    error: Problem | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


def problem(kind: str, message: str, details: str = "", **extra: Any) -> Problem:
    """An error in the shape that every ComfyUI client knows."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


class Validator:
    """Checks prompts against the catalogue. Converts plain values in place to the types that their inputs want."""

    def __init__(self, catalogue: Catalogue, folders: Folders) -> None:
        self._catalogue = catalogue
        self._folders = folders

    def check(self, prompt: object, targets: object = None) -> Verdict:
        """The verdict on one prompt; `targets` narrows the outputs to run (ComfyUI's partial execution)."""
        if not isinstance(prompt, dict):
            return Verdict(error=problem("invalid_prompt", "The prompt must be an object of nodes.", type(prompt).__name__))
        for node, body in prompt.items():
            if error := self._shape_error(node, body):
                return Verdict(error=error)
        wanted = set(targets) if isinstance(targets, list) and all(isinstance(t, str) for t in targets) else None
        classes = {node: self._catalogue.get(body["class_type"]) for node, body in prompt.items()}
        outputs = [node for node, kind in classes.items() if kind and kind.output_node and (wanted is None or node in wanted)]
        if not outputs:
            return Verdict(error=problem("prompt_no_outputs", "Prompt has no outputs"))
        return self._check_outputs(prompt, outputs)

    def _shape_error(self, node: str, body: object) -> Problem | None:
        title = node
        if isinstance(body, dict):
            meta = body.get("_meta")
            title = (meta.get("title") if isinstance(meta, dict) else None) or body.get("class_type") or node
        if not isinstance(body, dict) or "class_type" not in body:
            message = f"Node '{title}' has no class_type. The workflow may be damaged, or a custom node is missing."
            return problem("missing_node_type", message, f"Node ID '#{node}'", node_id=node, class_type=None, node_title=title)
        kind = body["class_type"]
        if self._catalogue.get(kind) is None:
            message = f"Node '{title}' not found. The custom node may not be installed."
            return problem("missing_node_type", message, f"Node ID '#{node}'", node_id=node, class_type=kind, node_title=title)
        if not isinstance(body.setdefault("inputs", {}), dict):
            return problem("invalid_prompt", "The inputs of a node must be an object.", f"Node ID '#{node}'")
        return None

    def _check_outputs(self, prompt: dict[str, Any], outputs: list[str]) -> Verdict:
        verdict = Verdict()
        problems: dict[str, list[Problem]] = {}
        failed: list[str] = []
        for output in outputs:
            reached = list(_upstream(prompt, output))
            for node in reached:
                if node not in problems:
                    problems[node] = self._node_problems(prompt, node)
            if cycle := _cycle(prompt, reached):
                problems[cycle[0]].append(
                    problem("dependency_cycle", "The node depends on itself", " → ".join(cycle), nodes=cycle)
                )
            faulty = [node for node in reached if problems[node]]
            if not faulty:
                verdict.outputs.append(output)
                continue
            failed.extend(f"{each['message']}: {each['details']}" for each in problems[output])
            for node in faulty:
                entry = verdict.node_errors.setdefault(
                    node, {"errors": problems[node], "dependent_outputs": [], "class_type": prompt[node]["class_type"]}
                )
                entry["dependent_outputs"].append(output)
        if not verdict.outputs:
            verdict.error = problem("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(failed))
        return verdict

    def _node_problems(self, prompt: dict[str, Any], node: str) -> list[Problem]:
        body = prompt[node]
        kind = self._catalogue.get(body["class_type"])
        assert kind is not None, "checked before"
        found = [
            each
            for name, (spec, required) in kind.inputs().items()
            if (each := self._input_problem(prompt, node, name, spec, required))
        ]
        return found + (self._image_problems(body["inputs"]) if "image" in kind.inputs() and _loads(kind) else [])

    def _input_problem(
        self, prompt: dict[str, Any], node: str, name: str, spec: tuple[Any, ...], required: bool
    ) -> Problem | None:
        inputs = prompt[node]["inputs"]
        if name not in inputs:
            return problem("required_input_missing", "Required input is missing", name, input_name=name) if required else None
        value = inputs[name]
        if isinstance(value, list):
            return self._link_problem(prompt, name, value, spec)
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[name] = value["__value__"]
        converted, error = _converted(name, value, spec)
        if error:
            return error
        inputs[name] = converted
        kind = self._catalogue.get(prompt[node]["class_type"])
        if kind is not None and _loads(kind) and name == "image":
            return None
        return _range_problem(name, converted, spec)

    def _link_problem(self, prompt: dict[str, Any], name: str, value: list[Any], spec: tuple[Any, ...]) -> Problem | None:
        config = _config(spec)
        if len(value) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return problem("bad_linked_input", message, name, input_name=name, input_config=config, received_value=value)
        source, slot = value
        body = prompt.get(source) if isinstance(source, str) else None
        outputs = self._catalogue.get(body["class_type"]).outputs if body else ()  # type: ignore[union-attr]
        if body is None or not isinstance(slot, int) or isinstance(slot, bool) or not 0 <= slot < len(outputs):
            what = (
                f"{name}: node {source!r} is not in the prompt"
                if body is None
                else f"{name}: node {source!r} has no output {slot!r}"
            )
            return problem(
                "exception_during_validation", "Exception when validating node", what, input_name=name, linked_node=value
            )
        received = outputs[slot][0]
        if received != spec[0]:
            return problem(
                "return_type_mismatch", "Return type mismatch between linked nodes",
                f"{name}, received_type({received}) mismatch input_type({spec[0]})",
                input_name=name, input_config=config, received_type=received, linked_node=value,
            )  # fmt: skip
        return None

    def _image_problems(self, inputs: dict[str, Any]) -> list[Problem]:
        name = inputs.get("image")
        if not isinstance(name, str) or self._folders.find_input(name):
            return []
        details = f"image - Invalid image file: {name}"
        return [problem("custom_validation_failed", "Custom validation failed for node", details, input_name="image")]


def _loads(kind: NodeClass) -> bool:
    return kind.name in ("LoadImage", "LoadImageMask")


def _config(spec: tuple[Any, ...]) -> list[Any]:
    return [spec[0], spec[1] if len(spec) > 1 else {}]


def _converted(name: str, value: Any, spec: tuple[Any, ...]) -> tuple[Any, Problem | None]:
    """The value as the input's type, or the problem with it."""
    makers: dict[str, type] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
    maker = makers.get(spec[0]) if isinstance(spec[0], str) else None
    if maker is None:
        return value, None
    try:
        return maker(value), None
    except (TypeError, ValueError, OverflowError) as error:
        extra = {"input_name": name, "input_config": _config(spec), "received_value": value, "exception_message": str(error)}
        message = f"Failed to convert an input value to a {spec[0]} value"
        return value, problem("invalid_input_type", message, f"{name}, {value}, {error}", **extra)


def _range_problem(name: str, value: Any, spec: tuple[Any, ...]) -> Problem | None:
    kind, limits = _config(spec)
    extra = {"input_name": name, "input_config": [kind, limits], "received_value": value}
    if "min" in limits and not value >= limits["min"]:
        return problem("value_smaller_than_min", f"Value {value} smaller than min of {limits['min']}", name, **extra)
    if "max" in limits and value > limits["max"]:
        return problem("value_bigger_than_max", f"Value {value} bigger than max of {limits['max']}", name, **extra)
    if isinstance(kind, list) and value not in kind:
        many = len(kind) > LONG_LIST
        shown = f"(list of length {len(kind)})" if many else str(kind)
        extra["input_config"] = None if many else extra["input_config"]
        return problem("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {shown}", **extra)
    if isinstance(kind, str) and kind not in ("INT", "FLOAT", "STRING", "BOOLEAN"):
        return problem("invalid_input_type", f"A {kind} must come from another node", f"{name}, {value}", **extra)
    return None


def _upstream(prompt: dict[str, Any], output: str) -> Iterator[str]:
    """The output and every node it depends on, once each."""
    seen = {output}
    stack = [output]
    while stack:
        node = stack.pop()
        yield node
        fresh = [source for source in links(prompt, node) if source not in seen]
        seen.update(fresh)
        stack.extend(dict.fromkeys(fresh))


def _cycle(prompt: dict[str, Any], nodes: list[str]) -> list[str]:
    """Nodes that depend on each other in a ring, first and last being the same; nothing where there is no ring."""
    try:
        TopologicalSorter({node: list(links(prompt, node)) for node in nodes}).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return ring
    return []
