"""Workflows as ComfyUI's clients read them: `/queue`, `/history`, `/api/jobs`. Values in, values out.

What is stored as JSON is put into answers as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from wake_service.jobs.model import Job, JobState
from wake_service.workflows.endings import message, name_of
from wake_service.workflows.records import Stored

__all__ = ["PageWish", "history_entry", "name_of", "page", "plain", "queue_item", "whole_job"]

_STATUS = {
    JobState.QUEUED: "pending",
    JobState.RUNNING: "in_progress",
    JobState.SUCCEEDED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
_SORT_KEYS = ("created_at", "execution_duration")
_TEXT_TYPES = ("text",)


def queue_item(job: Job, stored: Stored) -> list[Any]:
    """`[number, id, prompt, extra_data, outputs]`."""
    parts = (stored.graph, stored.extra, stored.targets)
    return [plain(stored.number), name_of(job), *map(orjson.Fragment, parts)]


def plain(number: float) -> float | int:
    """A number as ComfyUI writes it: without a point where it needs none."""
    return int(number) if number.is_integer() else number


def history_entry(job: Job, stored: Stored) -> dict[str, Any]:
    """What became of a finished prompt."""
    return {
        "prompt": queue_item(job, stored),
        "outputs": orjson.Fragment(stored.outputs),
        "status": _status(job, stored),
        "meta": orjson.Fragment(stored.meta),
    }


def _status(job: Job, stored: Stored) -> dict[str, Any]:
    succeeded = job.state is JobState.SUCCEEDED
    return {"status_str": "success" if succeeded else "error", "completed": succeeded, "messages": _messages(job, stored)}


def _messages(job: Job, stored: Stored) -> list[list[Any]]:
    """The engine's, and how it ended, where no engine has said it."""
    messages: list[list[Any]] = orjson.loads(stored.messages)
    last = message(job, stored, None, begun=job.started_at is not None)
    if last is not None and not any(kind == last[0] for kind, _ in messages):
        messages.append(list(last))
    return messages


@dataclass(frozen=True, slots=True)
class PageWish:
    """Which page of jobs is wanted."""

    states: frozenset[str]
    workflow_id: str | None
    sort_by: str
    descending: bool
    limit: int | None
    offset: int

    @classmethod
    def read(cls, query: Mapping[str, str]) -> PageWish:
        """ValueError with a sentence for a wish that makes no sense."""
        states = [word.strip().lower() for word in query.get("status", "").split(",") if word.strip()]
        if unknown := [word for word in states if word not in _STATUS.values()]:
            raise ValueError(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {', '.join(_STATUS.values())}")
        sort_by, order = query.get("sort_by", "created_at"), query.get("sort_order", "desc")
        if sort_by not in _SORT_KEYS:
            raise ValueError(f"sort_by must be one of: {', '.join(_SORT_KEYS)}")
        if order not in ("asc", "desc"):
            raise ValueError("sort_order must be 'asc' or 'desc'")
        limit, offset = _number(query, "limit", 1), _number(query, "offset", 0) or 0
        return cls(frozenset(states), query.get("workflow_id"), sort_by, order == "desc", limit, offset)


def page(found: Iterable[tuple[Job, Stored]], wish: PageWish) -> dict[str, Any]:
    """One page of jobs. The whole job is made only of those that are shown."""
    chosen = [(job, stored) for job, stored in found if not wish.states or _STATUS[job.state] in wish.states]
    if wish.workflow_id:
        chosen = [(job, stored) for job, stored in chosen if _workflow_id(stored) == wish.workflow_id]
    chosen.sort(key=lambda each: _duration(each[0]) if wish.sort_by == "execution_duration" else each[0].created_at)
    if wish.descending:
        chosen.reverse()
    shown = chosen[wish.offset : None if wish.limit is None else wish.offset + wish.limit]
    more = wish.offset + len(shown) < len(chosen)
    return {
        "jobs": [_job(job, stored) for job, stored in shown],
        "pagination": {"offset": wish.offset, "limit": wish.limit, "total": len(chosen), "has_more": more},
    }


def whole_job(job: Job, stored: Stored) -> dict[str, Any]:
    """A job with its outputs, its end and its graph."""
    workflow = {"prompt": orjson.Fragment(stored.graph), "extra_data": orjson.Fragment(stored.extra)}
    if job.unfinished:
        return _job(job, stored) | {"workflow": workflow}
    outputs, status = orjson.Fragment(stored.outputs), _status(job, stored)
    return _job(job, stored) | {"outputs": outputs, "execution_status": status, "workflow": workflow}


def _job(job: Job, stored: Stored) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": name_of(job),
        "status": _STATUS[job.state],
        "priority": plain(stored.number),
        "create_time": int(job.created_at * 1000),
        "workflow_id": _workflow_id(stored),
    }
    shown = _shown(orjson.loads(stored.outputs))
    row |= {"outputs_count": len(shown), "previewable_outputs_count": len(shown)}
    if not job.unfinished:
        row |= {
            "execution_start_time": _milliseconds(job.started_at),
            "execution_end_time": _milliseconds(job.finished_at),
            "execution_error": _error(job, stored),
            "preview_output": next((each for each in shown if each.get("type") == "output"), shown[0] if shown else None),
        }
    return {name: value for name, value in row.items() if value is not None}


def _error(job: Job, stored: Stored) -> dict[str, Any] | None:
    if job.state is not JobState.FAILED:
        return None
    last = message(job, stored, None, begun=True)
    return last[1] if last else None


def _shown(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for node, output in outputs.items():
        for kind, items in output.items() if isinstance(output, dict) else ():
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and "filename" in item:
                    shown.append(item | {"nodeId": node, "mediaType": kind})
                elif isinstance(item, str) and kind in _TEXT_TYPES:
                    shown.append({"content": item, "nodeId": node, "mediaType": "text"})
    return shown


def _workflow_id(stored: Stored) -> str | None:
    pnginfo = orjson.loads(stored.extra).get("extra_pnginfo")
    workflow = pnginfo.get("workflow") if isinstance(pnginfo, dict) else None
    found = workflow.get("id") if isinstance(workflow, dict) else None
    return found if isinstance(found, str) and found else None


def _duration(job: Job) -> float:
    return (job.finished_at or 0.0) - (job.started_at or 0.0) if job.started_at and job.finished_at else 0.0


def _milliseconds(at: float | None) -> int | None:
    return None if at is None else int(at * 1000)


def _number(query: Mapping[str, str], name: str, lowest: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"{name} must be an integer")
    return max(lowest, int(text))
