"""What `POST /jobs` brings: read, and refused in the contract's words where it cannot be run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request

from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2.answers import refused

Graph: TypeAlias = dict[str, Any]

#: Labels: how many, how their keys look, and how many bytes their values have at most (the official service's own limits).
MOST_LABELS, LONGEST_LABEL = 16, 256
LABEL_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: An Idempotency-Key as the SDKs themselves check it.
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
#: The longest body that is not a file; the official service takes as much.
MOST_BYTES = 10_000_000
#: What the page's "Save" writes instead of "Export (API)".
_UI_KEYS = ("nodes", "links")
_RESERVED = ("webhook_url", "inputs")


@dataclass(frozen=True, slots=True)
class JobBody:
    """A job that is asked for. `secrets` is `extra_data`: it goes to the engine and is never stored or shown."""

    workflow: Graph
    labels: dict[str, str]
    secrets: dict[str, str]


async def json_body(request: Request) -> bytes:
    """A body of JSON as it came. Raises Refusal for one that is longer than any graph."""
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) > MOST_BYTES:
            raise refused(413, "payload_too_large", f"The body has more than {MOST_BYTES:,} bytes. Send files as assets.")
    return bytes(gathered)


def job_body(raw: bytes) -> JobBody:
    """The body of `POST /jobs`. Raises Refusal."""
    body = object_of(raw)
    for name in _RESERVED:
        if body.get(name) is not None:
            raise refused(422, "invalid_request", f"“{name}” is reserved and cannot be used yet. Leave it out.")
    return JobBody(_workflow(body.get("workflow")), _labels(body.get("metadata")), _secrets(body.get("extra_data")))


def object_of(raw: bytes) -> dict[str, Any]:
    """A body that must be one JSON object. Raises Refusal."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise refused(400, "invalid_request", f"The body is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise refused(400, "invalid_request", "The body must be a JSON object.")
    return body


def checked_key(key: str | None) -> str | None:
    """An Idempotency-Key, if there is one. Raises Refusal."""
    if key is not None and not _KEY.fullmatch(key):
        raise refused(422, "invalid_request", "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


def _workflow(graph: Any) -> Graph:
    if not isinstance(graph, dict) or not graph:
        raise refused(422, "invalid_workflow", "“workflow” must be a graph in ComfyUI's API format: an object with its nodes.")
    if all(isinstance(graph.get(key), list) for key in _UI_KEYS):
        message = "This is a workflow as ComfyUI's page saves it. Export it with “Export (API)” and send that."
        raise refused(422, "workflow_format_ui", message)
    return graph


def _labels(labels: Any) -> dict[str, str]:
    if labels is None:
        return {}
    if not isinstance(labels, dict):
        raise _bad_labels("“metadata” must be an object of string labels.")
    if len(labels) > MOST_LABELS:
        raise _bad_labels(f"There are {len(labels)} labels; at most {MOST_LABELS} are kept with a job.")
    for key, value in labels.items():
        if not LABEL_KEY.fullmatch(key):
            raise _bad_labels(f"The label key {key[:60]!r} must have 1 to 40 characters of A-Z, a-z, 0-9, “_”, “.” and “-”.")
        if not isinstance(value, str) or len(value.encode()) > LONGEST_LABEL or _CONTROL.search(value):
            raise _bad_labels(f"The label {key!r} must be a string of at most {LONGEST_LABEL} bytes without control characters.")
    return labels


def _bad_labels(message: str) -> Refusal:
    return refused(422, "metadata_invalid", message)


def _secrets(extra: Any) -> dict[str, str]:
    if extra is None:
        return {}
    if not isinstance(extra, dict) or set(extra) - {"api_key_comfy_org"}:
        raise refused(422, "invalid_request", "“extra_data” may hold “api_key_comfy_org” and nothing else.")
    if not all(isinstance(value, str) for value in extra.values()):
        raise refused(422, "invalid_request", "“extra_data.api_key_comfy_org” must be a string.")
    return extra
