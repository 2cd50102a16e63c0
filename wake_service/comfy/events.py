"""What an engine says on its WebSocket, as types.

Decoding never raises: engines grow new messages about every week, so what is not understood becomes `Unknown`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A picture in the engine's folders; `type` is `output`, `input` or `temp`."""

    filename: str
    subfolder: str = ""
    type: str = "output"


@dataclass(frozen=True, slots=True)
class Status:
    """The length of the engine's queue, running prompts included; `sid` only in the first frame of a connection."""

    queue_remaining: int | None
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionStart:
    """The engine begins with a prompt."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionCached:
    """Nodes that need not run, because their result is still there."""

    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Executing:
    """A node begins; without a node: the prompt's end marker. After a reconnect the prompt is not named."""

    prompt_id: str | None
    node: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A node did `value` of `maximum` steps."""

    prompt_id: str | None
    node: str | None
    value: float
    maximum: float


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node within `ProgressState`; `state` is `pending`, `running`, `finished` or `error`."""

    state: str
    value: float
    maximum: float


@dataclass(frozen=True, slots=True)
class ProgressState:
    """How far all nodes are that have begun."""

    prompt_id: str
    nodes: Mapping[str, NodeState]


@dataclass(frozen=True, slots=True)
class Executed:
    """An output node is done; `images` are what it left."""

    prompt_id: str
    node: str
    images: tuple[ImageRef, ...]


@dataclass(frozen=True, slots=True)
class ExecutionSuccess:
    """The prompt ended well."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """The prompt failed in `node`."""

    prompt_id: str
    node: str | None
    node_type: str
    exception_type: str
    message: str


@dataclass(frozen=True, slots=True)
class ExecutionInterrupted:
    """The prompt was interrupted on somebody's request."""

    prompt_id: str
    node: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of the work so far. The older frame (event 1) names neither prompt nor node."""

    prompt_id: str | None
    node: str | None
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something this version does not know, or that is malformed; `kind` is for the log."""

    kind: str


WireEvent = (
    Status
    | ExecutionStart
    | ExecutionCached
    | Executing
    | Progress
    | ProgressState
    | Executed
    | ExecutionSuccess
    | ExecutionError
    | ExecutionInterrupted
    | Preview
    | Unknown
)


class _Malformed(Exception):
    """A member is missing or of another type than the protocol says."""


def decode_text(text: str | bytes) -> WireEvent:
    """A JSON frame `{"type", "data"}`."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Unknown("malformed JSON")
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return Unknown("message without a type")
    return decode_message(message["type"], message.get("data"))


def decode_message(kind: str, data: Any) -> WireEvent:
    """A message whose JSON is read already; the messages kept in an engine's history have the same form."""
    decode = _DECODERS.get(kind)
    if decode is None:
        return Unknown(kind[:100])
    if not isinstance(data, dict):
        return Unknown(f"{kind} without data")
    try:
        return decode(data)
    except _Malformed as flaw:
        return Unknown(f"{kind}: {flaw}")


def decode_binary(frame: bytes) -> WireEvent:
    """A binary frame: big-endian u32 event number, then its own form (1: preview, 4: preview with names)."""
    if len(frame) < _HEADER.size:
        return Unknown("binary frame without a header")
    event, second = _HEADER.unpack_from(frame)
    if event == _PREVIEW:
        media_type = _FORMATS.get(second)
        return Preview(None, None, media_type, frame[_HEADER.size :]) if media_type else Unknown(f"preview in format {second}")
    if event == _PREVIEW_WITH_METADATA:
        return _preview_with_metadata(frame, second)
    return Unknown(f"binary event {event}")


_HEADER = struct.Struct(">II")
_PREVIEW = 1
_PREVIEW_WITH_METADATA = 4
_FORMATS = {1: "image/jpeg", 2: "image/png"}


def _preview_with_metadata(frame: bytes, length: int) -> WireEvent:
    start = _HEADER.size + length
    if start > len(frame):
        return Unknown("preview shorter than its header")
    try:
        names = orjson.loads(frame[_HEADER.size : start])
    except orjson.JSONDecodeError:
        return Unknown("preview with a malformed header")
    if not isinstance(names, dict):
        return Unknown("preview with a malformed header")
    media_type = _text_or_none(names, "image_type")
    if media_type is None or media_type not in _FORMATS.values():
        return Unknown("preview in an unknown format")
    return Preview(_text_or_none(names, "prompt_id"), _text_or_none(names, "node_id"), media_type, frame[start:])


def _status(data: dict[str, Any]) -> WireEvent:
    status = data.get("status")
    queue = status.get("exec_info") if isinstance(status, dict) else None
    remaining = queue.get("queue_remaining") if isinstance(queue, dict) else None
    return Status(remaining if isinstance(remaining, int) else None, _text_or_none(data, "sid"))


def _cached(data: dict[str, Any]) -> WireEvent:
    nodes = data.get("nodes")
    if not isinstance(nodes, list):
        raise _Malformed("nodes")
    return ExecutionCached(_text(data, "prompt_id"), tuple(node for node in nodes if isinstance(node, str)))


def _progress(data: dict[str, Any]) -> WireEvent:
    return Progress(_text_or_none(data, "prompt_id"), _text_or_none(data, "node"), _number(data, "value"), _number(data, "max"))


def _progress_state(data: dict[str, Any]) -> WireEvent:
    nodes = data.get("nodes")
    if not isinstance(nodes, dict):
        raise _Malformed("nodes")
    states = {
        name: NodeState(_text(state, "state"), _number(state, "value"), _number(state, "max"))
        for name, state in nodes.items()
        if isinstance(state, dict)
    }
    return ProgressState(_text(data, "prompt_id"), states)


def _executed(data: dict[str, Any]) -> WireEvent:
    return Executed(_text(data, "prompt_id"), _text(data, "node"), images_in(data.get("output")))


def _error(data: dict[str, Any]) -> WireEvent:
    return ExecutionError(
        _text(data, "prompt_id"),
        _text_or_none(data, "node_id"),
        _text_or_none(data, "node_type") or "",
        _text_or_none(data, "exception_type") or "",
        (_text_or_none(data, "exception_message") or "").strip(),
    )


def images_in(output: Any) -> tuple[ImageRef, ...]:
    """The pictures in one node's output as `executed` and the history tell it."""
    listed = output.get("images") if isinstance(output, dict) else None
    if not isinstance(listed, list):
        return ()
    return tuple(
        ImageRef(item["filename"], _text_or_none(item, "subfolder") or "", _text_or_none(item, "type") or "output")
        for item in listed
        if isinstance(item, dict) and isinstance(item.get("filename"), str)
    )


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise _Malformed(name)
    return value


def _text_or_none(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None


def _number(data: dict[str, Any], name: str) -> float:
    value = data.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Malformed(name)
    return value


_DECODERS: dict[str, Callable[[dict[str, Any]], WireEvent]] = {
    "status": _status,
    "execution_start": lambda data: ExecutionStart(_text(data, "prompt_id")),
    "execution_cached": _cached,
    "executing": lambda data: Executing(_text_or_none(data, "prompt_id"), _text_or_none(data, "node")),
    "progress": _progress,
    "progress_state": _progress_state,
    "executed": _executed,
    "execution_success": lambda data: ExecutionSuccess(_text(data, "prompt_id")),
    "execution_error": _error,
    "execution_interrupted": lambda data: ExecutionInterrupted(_text(data, "prompt_id"), _text_or_none(data, "node_id")),
}
