"""Tasks and prompts as their clients read them: outputs with links, and ComfyUI's own error. Values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

import orjson

from wake_service.clock import iso
from wake_service.files.model import StoredFile
from wake_service.jobs.model import Job, JobState
from wake_service.workflows import endings, naming
from wake_service.workflows.delivery import DeliveryId, Task
from wake_service.workflows.records import Stored

#: A file as outputs name it: folder, subfolder, name.
Place: TypeAlias = tuple[str, str, str]

_CANCELLED = "The task was cancelled before it was finished. Send it again under another task_id if it is still wanted."


def delivered(task: Task, job: Job, stored: Stored | None, base: str, inline: Mapping[Place, str]) -> dict[str, Any]:
    """A result as it is handed out. `inline` are files that go with it, in base64."""
    about = {
        "delivery_id": str(DeliveryId.latest(task)),
        "deliveries": task.deliveries,
        "redeliver_at": None if task.redeliver_at is None else iso(task.redeliver_at),
        "task_id": task.task_id,
    }
    return about | prompt(job, stored, base, inline)


def prompt(job: Job, stored: Stored | None, base: str, inline: Mapping[Place, str] | None = None) -> dict[str, Any]:
    """A prompt as it is now; a graph that was erased has no outputs."""
    node_errors = {} if stored is None else orjson.loads(stored.node_errors)
    return {
        "prompt_id": endings.name_of(job),
        "status": job.state,
        "waiting_for": job.waiting_for,
        "created_at": iso(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "outputs": {} if stored is None else _outputs(orjson.loads(stored.outputs), base, inline or {}),
        "error": None if stored is None else error(job, stored),
        "node_errors": node_errors,
    }


def error(job: Job, stored: Stored) -> dict[str, Any] | None:
    """Why there is no result, in the shape of ComfyUI's errors; `extra_info` is what its event said. None where there is one."""
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        return None
    said = endings.message(job, stored, None, begun=job.started_at is not None)
    data = said[1] if said else {}
    if job.state is JobState.CANCELLED:
        return _shaped("execution_interrupted", _CANCELLED, data)
    return _shaped(data.get("exception_type"), str(data.get("exception_message")), data)


def place_of(file: StoredFile) -> Place:
    """How outputs name a file."""
    return file.name.folder, file.name.subfolder, file.name.name


def _shaped(kind: Any, message: str, data: dict[str, Any]) -> dict[str, Any]:
    node_id, node_type = data.get("node_id"), data.get("node_type")
    details = "" if node_id is None else f"node {node_id} ({node_type})"
    return {"type": str(kind or "execution_error"), "message": message, "details": details, "extra_info": data}


def _outputs(outputs: dict[str, Any], base: str, inline: Mapping[Place, str]) -> dict[str, Any]:
    def link(item: dict[str, Any]) -> None:
        named = {"filename": item["filename"], "subfolder": str(item.get("subfolder") or ""), "type": item["type"]}
        item["url"] = f"{base}/eas/view?{urlencode(named)}"
        if (data := inline.get((named["type"], named["subfolder"], named["filename"]))) is not None:
            item["data"] = data

    return {node: naming.map_outputs(output, link) for node, output in outputs.items()}


def _moment(at: float | None) -> str | None:
    return None if at is None else iso(at)
