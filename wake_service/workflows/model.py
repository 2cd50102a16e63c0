"""What a client of the gateway sends, and the words in which ComfyUI refuses it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wake_service.errors import WakebrushError
from wake_service.jobs.model import Face, Job
from wake_service.store.store import Transaction

Graph: TypeAlias = dict[str, Any]
"""`{node id: {"class_type", "inputs"}}`, as ComfyUI's API form has it."""

#: Members of `extra_data` that are never stored nor shown; they live in memory until the graph is sent.
SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


@dataclass(frozen=True, slots=True)
class Submission:
    """A graph on its way in.

    `name`: what its client calls it (None: the service chooses). `key`: a second one with it is the same job. `minted`: both were
    made up for it just now. `number` and `front` are ComfyUI's: its place among its artist's own. `targets` narrows the outputs
    that run. `labels` are Comfy API v2's.
    `also` writes what belongs to it, in the transaction that makes it a job.
    """

    face: Face
    graph: Graph
    name: str | None = None
    key: str | None = None
    minted: bool = False
    client_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    number: float | None = None
    front: bool = False
    targets: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    also: Callable[[Transaction, Job], None] | None = None


class GraphRefused(WakebrushError):
    """A graph that cannot run, in ComfyUI's own shape: `error` and `node_errors` (PROTOCOL: `POST /prompt`, 400)."""

    def __init__(
        self, kind: str, message: str, details: str = "", node_errors: dict[str, Any] | None = None, **extra_info: Any
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.error = flaw(kind, message, details, **extra_info)
        self.node_errors = node_errors or {}

    @classmethod
    def of(cls, error: dict[str, Any], node_errors: dict[str, Any]) -> GraphRefused:
        """What an engine said."""
        refused = cls(str(error.get("type", "")), str(error.get("message", "")), node_errors=node_errors)
        refused.error = error
        return refused


def flaw(kind: str, message: str, details: str = "", **extra_info: Any) -> dict[str, Any]:
    """One error as every ComfyUI client knows it."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra_info}


def node_flaw(class_type: str, *flaws: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with one node, for `node_errors`."""
    return {"errors": list(flaws), "dependent_outputs": [], "class_type": class_type}


def is_uuid(value: object) -> bool:
    """Whether a value is a UUID in the one spelling that ComfyUI takes: lower case, with hyphens."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False
