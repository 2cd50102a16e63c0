"""The last words on a workflow, as ComfyUI's clients expect them: values in, values out."""

from __future__ import annotations

from typing import Any

import orjson

from wake_service.errors import EngineRefused
from wake_service.jobs.model import Job, JobState, WorkflowRequest
from wake_service.workflows.records import Stored

Message = tuple[str, dict[str, Any]]

#: How the engine's own last message is called, by how the job ended.
_ENDS = {
    JobState.SUCCEEDED: "execution_success",
    JobState.FAILED: "execution_error",
    JobState.CANCELLED: "execution_interrupted",
}


def message(job: Job, stored: Stored, refused: EngineRefused | None, *, begun: bool) -> Message | None:
    """What tells a client how its prompt ended; None for one that was taken out of the queue before it began."""
    kind = _ENDS[job.state]
    said = next((data for name, data in reversed(orjson.loads(stored.messages)) if name == kind), None)
    if said is not None:
        return kind, said
    if job.state is JobState.SUCCEEDED:
        return kind, {"prompt_id": name_of(job), "timestamp": _milliseconds(job.finished_at)}
    if job.state is JobState.FAILED:
        return kind, failure(job, refused.node_errors if refused else orjson.loads(stored.node_errors))
    return interruption(job, job.finished_at or 0.0) if begun else None


def failure(job: Job, node_errors: dict[str, Any]) -> dict[str, Any]:
    """`execution_error` for a prompt of which no engine has said that it failed: refused, lost, or not to be sent."""
    error = job.error
    node_id = next(iter(node_errors), None)
    told = f"{error.message} {error.hint}".strip() if error else "The prompt could not be run."
    return {
        "prompt_id": name_of(job),
        "node_id": node_id,
        "node_type": node_errors[node_id].get("class_type", "") if node_id is not None else "",
        "executed": [],
        "exception_message": told,
        "exception_type": error.code if error else "failed",
        "traceback": [],
        "current_inputs": {},
        "current_outputs": [],
        "node_errors": node_errors,
        "timestamp": _milliseconds(job.finished_at),
    }


def interruption(job: Job, now: float) -> Message:
    """`execution_interrupted` where the engine's own has not come."""
    about: dict[str, Any] = {"prompt_id": name_of(job), "node_id": None, "node_type": "", "executed": []}
    return "execution_interrupted", about | {"timestamp": _milliseconds(now)}


def name_of(job: Job) -> str:
    """What the job's client calls it."""
    return job.request.name if isinstance(job.request, WorkflowRequest) else job.id


def _milliseconds(at: float | None) -> int:
    return int((at or 0.0) * 1000)
