"""Jobs as they go over the wire (docs/wire.md, "Job")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wake_service.accounts.budget import MICROS
from wake_service.clock import iso
from wake_service.jobs.model import Job, JobState
from wake_service.jobs.thrift import NOTE


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of an unfinished job: jobs before it, and seconds until its first picture."""

    ahead: int | None = None
    eta_seconds: float | None = None


def money(micros: float, currency: str) -> dict[str, Any]:
    """An amount on the wire."""
    return {"amount": round(micros / MICROS, 6), "currency": currency}


def job_view(job: Job, outlook: Outlook, currency: str) -> dict[str, Any]:
    """The whole job, for orjson, which knows dataclasses."""
    request = job.painting
    return {
        "id": job.id,
        "state": job.state,
        "waiting_for": job.waiting_for if job.state is JobState.QUEUED else None,
        "stage": job.stage if job.state is JobState.RUNNING else None,
        "attempt": job.attempt,
        "note": NOTE if job.frugal and job.unfinished else request.remark,
        "front": job.front < 0,
        "ahead": outlook.ahead,
        "eta_seconds": None if outlook.eta_seconds is None else round(outlook.eta_seconds, 1),
        "mode": request.mode,
        "prompt": request.prompt,
        "style": request.style,
        "strength": request.strength,
        "seed": request.seed,
        "count": request.count,
        "width": request.width,
        "height": request.height,
        "region": request.region,
        "reference": request.reference,
        "group": request.group,
        "machine": job.machine_id,
        "created_at": iso(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "results": job.results,
        "cost": money(job.cost_micros, currency),
        "error": job.error,
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else iso(at)
