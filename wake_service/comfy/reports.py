"""What an engine reports when asked: about itself, its queue, and what became of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wake_service.errors import EngineFailed

from .events import ExecutionError, ExecutionInterrupted, ImageRef, decode_message, images_in


class Outcome(StrEnum):
    """How a prompt ended. ComfyUI's history counts an interrupted one as an error; here it is told apart."""

    SUCCESS = "success"
    ERROR = "error"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Device:
    """A compute device of the engine; memory in bytes, None when not told."""

    name: str
    kind: str
    memory_total: int | None
    memory_free: int | None


@dataclass(frozen=True, slots=True)
class SystemStats:
    """The engine about itself. `raw` is its whole answer."""

    version: str
    devices: tuple[Device, ...]
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueueState:
    """Prompt ids, in the order in which they will run."""

    running: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What became of a prompt that is no longer in the queue.

    `outputs`: pictures by the id of the node that left them. `error` is set when the outcome is `error`.
    `messages`: the engine's own, as (type, data).
    """

    prompt_id: str
    status: Outcome
    outputs: Mapping[str, tuple[ImageRef, ...]]
    messages: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    error: EngineFailed | None = None

    @property
    def images(self) -> tuple[ImageRef, ...]:
        """All pictures, in the order of the nodes."""
        return tuple(image for images in self.outputs.values() for image in images)


def failure(event: ExecutionError) -> EngineFailed:
    """An engine's failure as our error."""
    message = event.message or event.exception_type or "no reason given"
    where = f" in {event.node_type}" if event.node_type else ""
    return EngineFailed(f"The engine failed{where}: {message}", exception_type=event.exception_type, node_type=event.node_type)


def read_system_stats(answer: Any) -> SystemStats:
    """Reads an answer of `/system_stats`; what is missing stays empty."""
    raw = answer if isinstance(answer, dict) else {}
    system = raw.get("system")
    devices = raw.get("devices")
    version = system.get("comfyui_version") if isinstance(system, dict) else None
    return SystemStats(
        version=version if isinstance(version, str) else "",
        devices=tuple(_device(device) for device in devices if isinstance(device, dict)) if isinstance(devices, list) else (),
        raw=raw,
    )


def read_queue(answer: Any) -> QueueState:
    """Reads an answer of `/queue`, whose items are `[number, prompt id, ...]` in no order; the lowest number runs first."""
    listed = answer if isinstance(answer, dict) else {}
    return QueueState(_prompt_ids(listed.get("queue_running")), _prompt_ids(listed.get("queue_pending")))


def read_history(prompt_id: str, answer: Any) -> HistoryEntry | None:
    """Reads an answer of `/history/{prompt_id}`; None when the engine does not know it (any more)."""
    entry = answer.get(prompt_id) if isinstance(answer, dict) else None
    if not isinstance(entry, dict):
        return None
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    messages = _messages(status.get("messages"))
    outcome, error = _outcome(status, messages)
    outputs = entry.get("outputs")
    outputs = outputs if isinstance(outputs, dict) else {}
    images = {node: found for node, output in outputs.items() if (found := images_in(output))}
    return HistoryEntry(prompt_id, outcome, images, messages, error)


def _outcome(
    status: Mapping[str, Any], messages: tuple[tuple[str, Mapping[str, Any]], ...]
) -> tuple[Outcome, EngineFailed | None]:
    for kind, data in messages:
        event = decode_message(kind, dict(data))
        if isinstance(event, ExecutionInterrupted):
            return Outcome.INTERRUPTED, None
        if isinstance(event, ExecutionError):
            return Outcome.ERROR, failure(event)
    if status.get("status_str") == "error":
        return Outcome.ERROR, EngineFailed("The engine failed and gave no reason.")
    return Outcome.SUCCESS, None


def _messages(written: Any) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    if not isinstance(written, list):
        return ()
    return tuple(
        (item[0], item[1])
        for item in written
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict)
    )


def _prompt_ids(items: Any) -> tuple[str, ...]:
    if not isinstance(items, list):
        return ()
    known = [item for item in items if isinstance(item, list) and len(item) > 1 and isinstance(item[1], str)]
    known.sort(key=lambda item: item[0] if isinstance(item[0], int | float) else 0)
    return tuple(item[1] for item in known)


def _device(device: Mapping[str, Any]) -> Device:
    total, free = device.get("vram_total"), device.get("vram_free")
    return Device(
        name=str(device.get("name", "")),
        kind=str(device.get("type", "")),
        memory_total=total if isinstance(total, int) else None,
        memory_free=free if isinstance(free, int) else None,
    )
