"""Queue and history seen as jobs: the answers of `/api/jobs`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from .prompts import Item, PromptQueue

STATES = ("pending", "in_progress", "completed", "failed", "cancelled")
SORT_KEYS = ("created_at", "execution_duration")


def is_job_id(value: object) -> bool:
    """Whether a value is a UUID in its canonical spelling, the only one ComfyUI accepts."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def page(queue: PromptQueue, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of jobs; ValueError with a sentence for a query that makes no sense."""
    wanted = [word.strip().lower() for word in query.get("status", "").split(",") if word.strip()]
    if unknown := [word for word in wanted if word not in STATES]:
        raise ValueError(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {', '.join(STATES)}")
    sort_by, order = query.get("sort_by", "created_at"), query.get("sort_order", "desc")
    if sort_by not in SORT_KEYS:
        raise ValueError(f"sort_by must be one of: {', '.join(SORT_KEYS)}")
    if order not in ("asc", "desc"):
        raise ValueError("sort_order must be 'asc' or 'desc'")
    limit, offset = _number(query, "limit", lowest=1), _number(query, "offset", lowest=0) or 0
    jobs = [job for job in _all(queue) if (not wanted or job["status"] in wanted)]
    if workflow := query.get("workflow_id"):
        jobs = [job for job in jobs if job.get("workflow_id") == workflow]
    jobs.sort(key=_duration if sort_by == "execution_duration" else _created, reverse=order == "desc")
    shown = jobs[offset : None if limit is None else offset + limit]
    more = offset + len(shown) < len(jobs)
    return {"jobs": shown, "pagination": {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}}


def find(queue: PromptQueue, job_id: str) -> dict[str, Any] | None:
    """One job with its outputs and workflow, or None."""
    running, pending = queue.snapshot()
    for items, status in ((running, "in_progress"), (pending, "pending")):
        for item in items:
            if item.prompt_id == job_id:
                return _waiting(item, status) | {"workflow": {"prompt": item.prompt, "extra_data": item.extra_data}}
    entry = queue.history(job_id).get(job_id)
    if entry is None:
        return None
    workflow = {"prompt": entry["prompt"][2], "extra_data": entry["prompt"][3]}
    return _finished(entry) | {"outputs": entry["outputs"], "execution_status": entry["status"], "workflow": workflow}


def _all(queue: PromptQueue) -> list[dict[str, Any]]:
    running, pending = queue.snapshot()
    waiting = [_waiting(item, "in_progress") for item in running] + [_waiting(item, "pending") for item in pending]
    return waiting + [_finished(entry) for entry in queue.history().values()]


def _waiting(item: Item, status: str) -> dict[str, Any]:
    return _base(item.on_wire(), status) | {"outputs_count": 0, "previewable_outputs_count": 0}


def _finished(entry: dict[str, Any]) -> dict[str, Any]:
    turns = {event: data for event, data in entry["status"]["messages"]}
    ends = [turns[name] for name in ("execution_success", "execution_error", "execution_interrupted") if name in turns]
    status = "completed" if entry["status"]["completed"] else "cancelled" if "execution_interrupted" in turns else "failed"
    pictures = [
        picture | {"nodeId": node, "mediaType": kind}
        for node, output in entry["outputs"].items()
        for kind, items in output.items()
        for picture in items
    ]
    job = _base(entry["prompt"], status) | {
        "execution_start_time": turns["execution_start"]["timestamp"],
        "execution_end_time": ends[0]["timestamp"] if ends else None,
        "execution_error": turns.get("execution_error"),
        "outputs_count": len(pictures),
        "previewable_outputs_count": len(pictures),
        "preview_output": next((each for each in pictures if each["type"] == "output"), pictures[0] if pictures else None),
    }
    return {name: value for name, value in job.items() if value is not None}


def _base(wire: list[Any], status: str) -> dict[str, Any]:
    number, job_id, _, extra, _ = wire
    job = {"id": job_id, "status": status, "priority": number, "create_time": extra["create_time"]}
    pnginfo = extra.get("extra_pnginfo")
    workflow = pnginfo.get("workflow") if isinstance(pnginfo, dict) else None
    if isinstance(workflow, dict) and workflow.get("id"):
        job["workflow_id"] = workflow["id"]
    return job


def _number(query: Mapping[str, str], name: str, lowest: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.lstrip("-").isdigit():
        raise ValueError(f"{name} must be an integer")
    return max(lowest, int(text))


def _created(job: dict[str, Any]) -> float:
    return float(job["create_time"])


def _duration(job: dict[str, Any]) -> float:
    return float(job.get("execution_end_time", 0) - job.get("execution_start_time", 0)) if "execution_end_time" in job else 0.0
