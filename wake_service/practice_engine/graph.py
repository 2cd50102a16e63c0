"""A prompt as a graph: links, the order in which nodes run, and what makes a node's result reusable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, TypeAlias

Prompt: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Node id → `{"class_type": ..., "inputs": {...}}`, as clients send it."""


def is_link(value: object) -> bool:
    """Whether an input's value is `[node id, output number]`."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (int, float))


def links(prompt: Prompt, node: str) -> Iterator[str]:
    """The nodes that a node takes inputs from, in the order of its inputs; links that lead nowhere are passed over."""
    for value in prompt[node]["inputs"].values():
        if is_link(value) and value[0] in prompt:
            yield value[0]


class Schedule:
    """Hands out the nodes to run, one by one, in ComfyUI's order.

    Of the nodes whose inputs are there it prefers an output node, then one that feeds an output node, then one that feeds such a
    one, then the one met first.
    """

    def __init__(self, prompt: Prompt, outputs: list[str], cached: Container[str], is_output: Callable[[str], bool]) -> None:
        self._is_output = is_output
        self._waiting_for: dict[str, set[str]] = {}
        self._feeds: dict[str, set[str]] = {}
        for output in outputs:
            self._add(prompt, output, cached)

    def _add(self, prompt: Prompt, output: str, cached: Container[str]) -> None:
        stack = [output]
        while stack:
            node = stack.pop()
            if node in self._waiting_for:
                continue
            needed = [source for source in links(prompt, node) if source not in cached]
            self._waiting_for[node] = set(needed)
            self._feeds.setdefault(node, set())
            for source in needed:
                self._feeds.setdefault(source, set()).add(node)
                stack.append(source)

    def next(self) -> str | None:
        """The node to run now; None when all have run."""
        ready = [node for node, sources in self._waiting_for.items() if not sources]
        if not ready:
            return None
        return min(ready, key=self._distance_to_output)

    def done(self, node: str) -> None:
        """Says that a node has run."""
        del self._waiting_for[node]
        for reader in self._feeds[node]:
            if reader in self._waiting_for:
                self._waiting_for[reader].discard(node)

    def _distance_to_output(self, node: str) -> int:
        layer = {node}
        for distance in range(3):
            if any(self._is_output(member) for member in layer):
                return distance
            layer = {reader for member in layer for reader in self._feeds[member] if reader in self._waiting_for}
        return 3


def ancestry(prompt: Prompt, node: str) -> list[str]:
    """A node and all it depends on, each after its own sources. The graph must not have cycles."""
    ordered: dict[str, None] = {}
    stack: list[tuple[str, bool]] = [(node, False)]
    while stack:
        current, sources_done = stack.pop()
        if current in ordered:
            continue
        if sources_done:
            ordered[current] = None
        else:
            stack.append((current, True))
            stack.extend((source, False) for source in links(prompt, current) if source not in ordered)
    return list(ordered)


def signatures(prompt: Prompt, outputs: list[str], freshness: Callable[[str], str]) -> dict[str, str]:
    """Node id → digest of all that its result depends on: its class, inputs, sources and `freshness` (a file's checksum, say)."""
    found: dict[str, str] = {}
    for output in outputs:
        for node in ancestry(prompt, output):
            if node not in found:
                found[node] = _signature(prompt[node], freshness(node), found)
    return found


def _signature(node: Mapping[str, Any], freshness: str, found: Mapping[str, str]) -> str:
    inputs = {
        name: ["link", found.get(value[0]), value[1]] if is_link(value) else ["value", value]
        for name, value in node["inputs"].items()
    }
    text = json.dumps([node["class_type"], freshness, inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
