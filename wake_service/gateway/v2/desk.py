"""What the handlers of the Comfy API v2 share: a visit's own jobs with all that is told of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from cachetools import LRUCache
from starlette.requests import Request

from wake_service.app import Service
from wake_service.blobs.life import Retention
from wake_service.errors import StorageError
from wake_service.files.asset_records import Asset
from wake_service.gateway.doorway import GatewayVisit, visit_of
from wake_service.gateway.v2.answers import not_found
from wake_service.gateway.v2.views import Facts, Failure, Links, Progress, job_view
from wake_service.jobs.model import Face, Job, JobState, WorkflowRequest
from wake_service.jobs.views import Outlook
from wake_service.workflows import records
from wake_service.workflows.news import ProgressNews

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What does not change once a job is there."""

    labels: Mapping[str, str]
    nodes_total: int


class Desk:
    """One per application."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._fixed: LRUCache[str, Fixed] = LRUCache(4096)
        self._said: LRUCache[str, dict[str, list[str]]] = LRUCache(1024)
        self.retention = Retention(service.settings.keep_results_days)
        #: Open event streams by token.
        self.streams: dict[str, int] = {}

    async def job(self, visit: GatewayVisit, job_id: str) -> Job:
        """One of the visit's own jobs. Raises Refusal."""
        job = await self._service.book.find(job_id)
        if job is None or job.artist_id != visit.who.artist_id or not _is_v2(job):
            raise not_found("There is no such job.")
        return job

    async def outputs(self, job: Job) -> list[Asset]:
        """What it has made so far; what its nodes have said is known at its end."""
        if job.started_at is None:
            return []
        made = await self._service.assets.outputs(job.artist_id, job.id)
        return made if job.unfinished else made + await self._texts(job)

    async def _texts(self, job: Job) -> list[Asset]:
        if (said := self._said.get(job.id)) is None:
            stored = await self._service.store.read(partial(records.load, job_id=job.id))
            said = self._said[job.id] = texts_of(stored) if stored else {}
        try:
            return await self._service.assets.texts(job.artist_id, job.id, said) if said else []
        except StorageError as error:
            log.warning("job %s: what its nodes have said cannot be shown yet: %s", job.id, error)
            return []

    async def view(self, visit: GatewayVisit, job: Job, outputs: list[Asset] | None = None) -> dict[str, Any]:
        """The whole job on the wire."""
        made = await self.outputs(job) if outputs is None else outputs
        fixed = await self._known(job)
        facts = Facts(
            now=self._service.clock.now(),
            labels=fixed.labels,
            nodes_total=fixed.nodes_total,
            outputs=made,
            outlook=self._service.book.outlook(job) if job.unfinished else Outlook(),
            progress=self._progress(job),
            failure=await self._failure(job),
        )
        return job_view(job, facts, links_of(visit), self.retention)

    async def labels(self, job: Job) -> Mapping[str, str]:
        """Its labels."""
        return (await self._known(job)).labels

    async def _known(self, job: Job) -> Fixed:
        if (fixed := self._fixed.get(job.id)) is None:
            stored = await self._service.store.read(partial(records.load, job_id=job.id))
            labels = orjson.loads(stored.labels) if stored and stored.labels else {}
            fixed = self._fixed[job.id] = Fixed(labels, len(orjson.loads(stored.graph)) if stored else 0)
        return fixed

    def _progress(self, job: Job) -> Progress | None:
        news = self._service.workflows.latest(job.id).progress if job.state is JobState.RUNNING else None
        return None if news is None else progress_of(news)

    async def _failure(self, job: Job) -> Failure:
        """Where in the graph it failed: the engine's own word, or its refusal."""
        if job.error is None:
            return Failure()
        stored = await self._service.store.read(partial(records.load, job_id=job.id))
        return failure_of(stored) if stored else Failure()


def desk_of(request: Request) -> Desk:
    """The application's desk."""
    state = request.app.state
    if not hasattr(state, "v2"):
        state.v2 = Desk(state.service)
    desk: Desk = state.v2
    return desk


def links_of(visit: GatewayVisit) -> Links:
    """Whole addresses for a visitor."""
    return Links(visit.base, visit.who.expires_at)


def visitor(request: Request) -> tuple[Desk, GatewayVisit]:
    """Both at once."""
    return desk_of(request), visit_of(request)


def progress_of(news: ProgressNews) -> Progress:
    """What the engine said last, as the API tells it."""
    return Progress(news.value, news.nodes_done, news.node_id, news.class_type, news.step, news.steps)


def failure_of(stored: records.Stored) -> Failure:
    """Where a graph failed, from what is stored of its end."""
    for name, data in reversed(orjson.loads(stored.messages)):
        if name == "execution_error":
            return Failure(_text(data.get("node_id")), _text(data.get("node_type")), _lines(data.get("traceback")))
    node_errors = orjson.loads(stored.node_errors)
    node_id = next(iter(node_errors), None)
    return Failure(node_id, _text(node_errors[node_id].get("class_type"))) if node_id is not None else Failure()


def texts_of(stored: records.Stored) -> dict[str, list[str]]:
    """What nodes have said, by node: texts that came in the place of files."""
    found: dict[str, list[str]] = {}
    for node_id, output in orjson.loads(stored.outputs).items():
        texts = output.get("text") if isinstance(output, dict) else None
        if said := [text for text in ([texts] if isinstance(texts, str) else texts or ()) if isinstance(text, str)]:
            found[node_id] = said
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _lines(value: Any) -> str | None:
    return "".join(map(str, value)) if isinstance(value, list) and value else None


def _is_v2(job: Job) -> bool:
    return isinstance(job.request, WorkflowRequest) and job.request.face is Face.V2
