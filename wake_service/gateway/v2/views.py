"""Jobs, outputs and assets as they go over the wire. Values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wake_service.blobs.life import DAY, Retention
from wake_service.clock import iso
from wake_service.files.asset_records import Asset
from wake_service.gateway.v2.words import error_code, status_of, waiting_sentence
from wake_service.jobs.model import Job, JobState
from wake_service.jobs.views import Outlook

#: The contract wants a moment where there is none: what is kept for ever is said to be kept for ten years.
FOREVER = 3650 * DAY
_TYPES = ("image", "video", "audio", "text")
#: What nobody's list of media types knows.
_LATENT = ".latent"


@dataclass(frozen=True, slots=True)
class Links:
    """Whole addresses for one caller. `base` is where she finds the gateway; `expires_at` when her way in ends, if it does."""

    base: str
    expires_at: float | None

    def job(self, job_id: str) -> dict[str, str]:
        """Where a job is looked at, followed and cancelled."""
        own = f"{self.base}/api/v2/jobs/{job_id}"
        return {"self": own, "events": f"{own}/events", "cancel": f"{own}/cancel"}

    def content(self, asset_id: str, until: float) -> dict[str, str]:
        """Where bytes are fetched, and until when: as long as they are kept and the address lets its bearer in."""
        ends = until if self.expires_at is None else min(until, self.expires_at)
        return {"url": f"{self.base}/api/v2/assets/{asset_id}/content", "url_expires_at": iso(ends)}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is. `value` is 0 to 1; `step` of `steps` where a sampler runs."""

    value: float = 0.0
    nodes_done: int = 0
    node: str | None = None
    node_class: str | None = None
    step: int | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Where in the graph it failed."""

    node_id: str | None = None
    class_type: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a job besides itself, at one moment (`now`, epoch seconds)."""

    now: float
    labels: Mapping[str, str]
    nodes_total: int
    outputs: Sequence[Asset] = ()
    outlook: Outlook = field(default_factory=Outlook)
    progress: Progress | None = None
    failure: Failure = field(default_factory=Failure)


def job_view(job: Job, facts: Facts, links: Links, retention: Retention) -> dict[str, Any]:
    """The whole job."""
    until = job_ends(job, facts.now, retention)
    status = status_of(job, until, facts.now)
    kept = facts.outputs if until > facts.now else ()
    return {
        "id": job.id,
        "status": status,
        "created_at": iso(job.created_at),
        "started_at": _moment(job.started_at),
        "completed_at": _moment(job.finished_at),
        "expires_at": iso(until),
        "queue_position": facts.outlook.ahead if job.state is JobState.QUEUED else None,
        "progress": progress_view(job, facts),
        "outputs": [output_view(asset, links, until) for asset in kept],
        "error": error_view(job, facts.failure),
        "metrics": {
            "queue_ms": _milliseconds(job.created_at, job.started_at or job.finished_at),
            "execution_ms": _milliseconds(job.started_at, job.finished_at),
        },
        "urls": links.job(job.id),
        "metadata": dict(facts.labels),
    }


def job_ends(job: Job, now: float, retention: Retention) -> float:
    """Until when a job and what it made are kept, as far as is known now (epoch seconds)."""
    return min(retention.ends_at(job.finished_at or now), job.created_at + FOREVER)


def progress_view(job: Job, facts: Facts) -> dict[str, Any] | None:
    """A whole snapshot; None where nothing was done."""
    total = facts.nodes_total
    if job.state is JobState.QUEUED:
        return _snapshot(Progress(), total, waiting_sentence(job, facts.outlook))
    if job.state is JobState.RUNNING:
        progress = facts.progress or Progress()
        return _snapshot(progress, total, _doing(progress))
    if job.state is JobState.SUCCEEDED:
        return _snapshot(Progress(1.0, total), total, None)
    return None


def _snapshot(progress: Progress, total: int, message: str | None) -> dict[str, Any]:
    return {
        "value": round(progress.value, 4),
        "nodes_done": progress.nodes_done,
        "nodes_total": total,
        "current_node": progress.node,
        "current_node_class": progress.node_class,
        "step": progress.step,
        "steps": progress.steps,
        "message": message,
    }


def _doing(progress: Progress) -> str | None:
    if progress.node_class is None:
        return None
    steps = f" {progress.step}/{progress.steps}" if progress.step is not None and progress.steps else ""
    return progress.node_class + steps


def error_view(job: Job, failure: Failure) -> dict[str, Any] | None:
    """Why it failed: what happened and what to do, and in which node."""
    if job.error is None:
        return None
    return {
        "code": error_code(job.error.code),
        "message": " ".join(part for part in (job.error.message, job.error.hint) if part),
        "node_id": failure.node_id,
        "class_type": failure.class_type,
        "traceback": failure.traceback,
    }


def output_view(asset: Asset, links: Links, until: float) -> dict[str, Any]:
    """What a node left; an asset like any other."""
    return {
        "node_id": asset.node_id or "",
        "name": asset.file_path.rpartition("/")[2],
        "type": output_type(asset),
        "content_type": asset.media_type,
        "size_bytes": asset.size,
        "id": asset.id,
        "hash": hash_view(asset),
        **links.content(asset.id, asset_ends(asset, until)),
        "job_id": asset.job_id,
    }


def output_type(asset: Asset) -> str:
    """The contract's kind of an output."""
    if asset.file_path.endswith(_LATENT):
        return "latent"
    kind = asset.media_type.partition("/")[0]
    return kind if kind in _TYPES else "file"


def asset_view(asset: Asset, links: Links, retention: Retention, created_new: bool | None = None) -> dict[str, Any]:
    """One asset. `created_new` is said where it was just asked for: whether its bytes are new here."""
    kept = retention.ends_at(asset.created_at)
    ends = asset_ends(asset, kept)
    view = {
        "id": asset.id,
        "hash": hash_view(asset),
        "size_bytes": asset.size,
        "content_type": asset.media_type,
        "file_path": asset.file_path,
        "created_at": iso(asset.created_at),
        **links.content(asset.id, min(ends, asset.created_at + FOREVER)),
        "expires_at": None if ends > asset.created_at + FOREVER else iso(ends),
        "job_id": asset.job_id,
        "tags": list(asset.tags),
    }
    return view if created_new is None else {**view, "created_new": created_new}


def asset_ends(asset: Asset, kept: float) -> float:
    """When an asset goes: with what is `kept` until then, or earlier by its owner's wish."""
    return kept if asset.expires_at is None else min(kept, asset.expires_at)


def hash_view(asset: Asset) -> str | None:
    """`blake3:…`; None while it is not known yet."""
    return f"blake3:{asset.blake3}" if asset.blake3 else None


def summary_view(job: Job, labels: Mapping[str, str], now: float, retention: Retention) -> dict[str, Any]:
    """A job in a list. The SDK wants other names for the moments here than in the job itself."""
    changed = job.finished_at or job.started_at or job.created_at
    return {
        "id": job.id,
        "status": status_of(job, job_ends(job, now, retention), now),
        "create_time": iso(job.created_at),
        "update_time": iso(changed),
        "metadata": dict(labels),
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else iso(at)


def _milliseconds(begin: float | None, end: float | None) -> int | None:
    return None if begin is None or end is None else max(0, round((end - begin) * 1000))
