"""How far each node of the running prompt has come, told to the client in ComfyUI's order of messages."""

from __future__ import annotations

from typing import Any, Protocol

from .frames import Preview
from .sockets import Message


class Outlet(Protocol):
    """Where messages go; the socket hub in the running engine."""

    def post(self, message: Message, client: str | None) -> None:
        """Sends to one client, or to all with None."""

    def wants_metadata(self, client: str | None) -> bool:
        """Whether the client takes previews with metadata."""


class Progress:
    """The nodes of one prompt that have started, with their state."""

    def __init__(self, outlet: Outlet, prompt_id: str, client: str | None) -> None:
        self._outlet = outlet
        self._prompt_id = prompt_id
        self._client = client
        self._nodes: dict[str, dict[str, Any]] = {}

    def start(self, node: str) -> None:
        """The node begins."""
        self._set(node, 0.0, 1.0, "running")

    def finish(self, node: str) -> None:
        """The node has ended well."""
        entry = self._nodes.get(node, {"max": 1.0})
        self._set(node, entry["max"], entry["max"], "finished")

    def step(self, node: str, value: int, maximum: int, preview: Preview | None) -> None:
        """A step of a node and its picture. A preview with metadata goes before the step's message, a plain one after it."""
        self._set(node, value, maximum, "running")
        with_metadata = self._outlet.wants_metadata(self._client)
        if preview and with_metadata:
            self._outlet.post(preview.with_metadata(self._identity(node)), self._client)
        step = {"value": value, "max": maximum, "prompt_id": self._prompt_id, "node": node}
        self._outlet.post({"type": "progress", "data": step}, self._client)
        if preview and not with_metadata:
            self._outlet.post(preview.plain(), self._client)

    def _identity(self, node: str) -> dict[str, Any]:
        return {
            "node_id": node,
            "prompt_id": self._prompt_id,
            "display_node_id": node,
            "parent_node_id": None,
            "real_node_id": node,
        }

    def _set(self, node: str, value: float, maximum: float, state: str) -> None:
        self._nodes[node] = {"value": value, "max": maximum, "state": state, **self._identity(node)}
        states = {"prompt_id": self._prompt_id, "nodes": {name: dict(entry) for name, entry in self._nodes.items()}}
        self._outlet.post({"type": "progress_state", "data": states}, self._client)
