"""References to assets inside a graph: found anywhere in it, and swapped for the names ComfyUI knows. Values in, values out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2.answers import refused
from wake_service.gateway.v2.requests import Graph

_TYPE, _ASSET = "__type", "core/ASSET"


def referenced(graph: Graph) -> list[str]:
    """Ids of all assets that a graph refers to, each once. Raises Refusal: `missing_asset` for one that is malformed."""
    return list(dict.fromkeys(_id_of(reference) for _, _, reference in _references(graph)))


def unexpected(graph: Graph, file_inputs: Callable[[str], Collection[str]]) -> set[str]:
    """Ids of assets that stand where no file is known to be wanted. `file_inputs`: the inputs of a class that name files."""
    expected = set()
    for node in graph.values():
        inputs, kind = (node.get("inputs"), node.get("class_type")) if isinstance(node, dict) else (None, None)
        if isinstance(inputs, dict) and isinstance(kind, str):
            expected |= {id(inputs[name]) for name in file_inputs(kind) if name in inputs}
    return {_id_of(reference) for _, _, reference in _references(graph) if id(reference) not in expected}


def swap(graph: Graph, names: Mapping[str, str]) -> None:
    """Puts the name of each asset where the graph refers to it."""
    for holder, key, reference in _references(graph):
        holder[key] = names[_id_of(reference)]


def _references(graph: Graph) -> list[tuple[Any, Any, dict[str, Any]]]:
    """Every reference with what holds it, and under which key. No recursion: a graph may be nested as deeply as JSON may."""
    found: list[tuple[Any, Any, dict[str, Any]]] = []
    holders: list[Any] = [graph]
    while holders:
        holder = holders.pop()
        for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            if isinstance(value, dict) and value.get(_TYPE) == _ASSET:
                found.append((holder, key, value))
            elif isinstance(value, dict | list):
                holders.append(value)
    return found


def missing(ids: list[str]) -> Refusal:
    """422 for assets that do not exist, or are somebody else's."""
    message = "The workflow refers to files that are not here (any more). Send them again."
    return refused(422, "missing_asset", message, {"missing_ids": ids})


def _id_of(reference: Mapping[str, Any]) -> str:
    info = reference.get("info")
    given = info.get("id") if isinstance(info, dict) else None
    try:
        return str(uuid.UUID(given))
    except (ValueError, TypeError, AttributeError):
        shown = [given[:60]] if isinstance(given, str) else []
        raise refused(
            422, "missing_asset", "A reference to a file has no id that one could have.", {"missing_ids": shown}
        ) from None
