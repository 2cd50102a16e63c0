"""Whether a graph could ever run: what is refused here no update of models or node packs would make valid.

The rest is the engine's to judge, when one is awake: it may have learned what the stored copy does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from wake_service.comfy.catalogue import Catalogue
from wake_service.workflows.model import Graph, GraphRefused, flaw, node_flaw

#: Nodes in one graph at most; the largest public workflows have some hundreds.
MOST_NODES = 10_000
#: Levels of objects and lists in one graph at most: what is written down must be read back, and no node takes as many.
MOST_LEVELS = 100


def judge(prompt: object, catalogue: Catalogue | None) -> Graph:
    """The graph, if it could run. Raises GraphRefused."""
    if not isinstance(prompt, dict):
        raise GraphRefused("invalid_prompt", "The prompt must be an object of nodes.", type(prompt).__name__)
    if len(prompt) > MOST_NODES:
        told = f"The prompt has {len(prompt):,} nodes; at most {MOST_NODES:,} are accepted."
        raise GraphRefused("invalid_prompt", told, "Split it into smaller workflows.")
    for node_id, node in prompt.items():
        _shape(node_id, node)
    if _depth(prompt) > MOST_LEVELS:
        raise GraphRefused("invalid_prompt", f"The prompt is nested more than {MOST_LEVELS} levels deep.")
    if not prompt or _has_no_output(prompt, catalogue):
        raise GraphRefused("prompt_no_outputs", "Prompt has no outputs")
    node_errors = {**dict(_loose_ends(prompt)), **_ring(prompt)}
    if node_errors:
        _add_dependents(prompt, node_errors, catalogue)
        details = "\n".join(f"{e['message']}: {e['details']}" for node in node_errors.values() for e in node["errors"])
        raise GraphRefused("prompt_outputs_failed_validation", "Prompt outputs failed validation", details, node_errors)
    return prompt


def _depth(value: object) -> int:
    """Levels of objects and lists."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def links(node: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """The inputs that come from other nodes. A list under `__value__` is a value and no link."""
    for name, value in node["inputs"].items():
        if isinstance(value, list):
            yield name, value


def _shape(node_id: str, node: object) -> None:
    class_type = node.get("class_type") if isinstance(node, dict) else None
    details = f"Node ID '#{node_id}'"
    if not isinstance(node, dict) or not isinstance(class_type, str):
        title = _title(node) or node_id
        told = f"Node '{title}' has no class_type. The workflow may be damaged, or a custom node is missing."
        raise GraphRefused("missing_node_type", told, details, node_id=node_id, class_type=None, node_title=title)
    if not isinstance(node.setdefault("inputs", {}), dict):
        raise GraphRefused("invalid_prompt", "The inputs of a node must be an object.", details)


def _title(node: object) -> str | None:
    meta = node.get("_meta") if isinstance(node, dict) else None
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else None


def _has_no_output(prompt: Graph, catalogue: Catalogue | None) -> bool:
    """Only where every class is known: one that is not might save something."""
    if catalogue is None:
        return False
    classes = [catalogue.node(node["class_type"]) for node in prompt.values()]
    return all(found is not None and not found.is_output for found in classes)


def _add_dependents(prompt: Graph, node_errors: dict[str, dict[str, Any]], catalogue: Catalogue | None) -> None:
    """Says of each faulty node which outputs will not run for it."""
    uses: dict[str, list[str]] = {}
    for node_id, node in prompt.items():
        for _, link in links(node):
            if link and isinstance(link[0], str):
                uses.setdefault(link[0], []).append(node_id)
    outputs = {node_id for node_id, node in prompt.items() if _is_output(node_id, node, uses, catalogue)}
    for node_id, entry in node_errors.items():
        entry["dependent_outputs"] = [each for each in _downstream(node_id, uses) if each in outputs]


def _is_output(node_id: str, node: dict[str, Any], uses: dict[str, list[str]], catalogue: Catalogue | None) -> bool:
    known = catalogue.node(node["class_type"]) if catalogue is not None else None
    return known.is_output if known is not None else node_id not in uses


def _downstream(node_id: str, uses: dict[str, list[str]]) -> list[str]:
    reached, ahead = {node_id: None}, [node_id]
    while ahead:
        for user in uses.get(ahead.pop(), ()):
            if user not in reached:
                reached[user] = None
                ahead.append(user)
    return list(reached)


def _loose_ends(prompt: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    for node_id, node in prompt.items():
        flaws = [flaw_ for name, link in links(node) if (flaw_ := _link_flaw(prompt, name, link))]
        if flaws:
            yield node_id, node_flaw(node["class_type"], *flaws)


def _link_flaw(prompt: Graph, name: str, link: list[Any]) -> dict[str, Any] | None:
    about = {"input_name": name, "received_value": link}
    if len(link) != 2:
        told = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
        return flaw("bad_linked_input", told, name, **about)
    source, slot = link
    if not isinstance(source, str) or source not in prompt:
        return _nowhere(f"{name}: node {source!r} is not in the prompt", name, link)
    if not isinstance(slot, int) or isinstance(slot, bool) or slot < 0:
        return _nowhere(f"{name}: node {source!r} has no output {slot!r}", name, link)
    return None


def _nowhere(details: str, name: str, link: list[Any]) -> dict[str, Any]:
    told = "Exception when validating node"
    return flaw("exception_during_validation", told, details, input_name=name, linked_node=link)


def _ring(prompt: Graph) -> dict[str, dict[str, Any]]:
    """Nodes that depend on each other in a ring, as an error of one of them."""
    graph = {
        node_id: [link[0] for _, link in links(node) if link and isinstance(link[0], str)] for node_id, node in prompt.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        ring = found.args[1]
        told = flaw("dependency_cycle", "The node depends on itself", " → ".join(ring), nodes=ring)
        return {ring[0]: node_flaw(prompt[ring[0]]["class_type"], told)}
    return {}
