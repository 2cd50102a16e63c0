"""`/v2/jobs`: a graph becomes a job before it is answered; waking happens inside `queued`; polls are always answered."""

from __future__ import annotations

import uuid
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.errors import RequestError
from wake_service.gateway.doorway import GatewayVisit
from wake_service.gateway.permission import check_may_paint
from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2 import pages
from wake_service.gateway.v2.answers import enveloped, json_answer, not_found, refused, sentence
from wake_service.gateway.v2.desk import Desk, visitor
from wake_service.gateway.v2.references import missing, referenced, swap, unexpected
from wake_service.gateway.v2.requests import Graph, JobBody, checked_key, job_body, json_body
from wake_service.gateway.v2.views import summary_view
from wake_service.jobs.model import Face, Job
from wake_service.jobs.records import load_many
from wake_service.machinery import POOL
from wake_service.workflows import records, v2_records
from wake_service.workflows.judge import judge
from wake_service.workflows.model import GraphRefused, Submission
from wake_service.workflows.naming import file_inputs_of

#: A key may be used again after so many seconds (the contract's 24 hours).
KEY_SECONDS = 86_400.0
#: Jobs that one request for a page looks at, at most, while it searches for labels.
_LOOKED_AT = 2000


@enveloped
async def submit(request: Request) -> Response:
    """201: the job is durable and queued, whatever the machines do."""
    desk, visit = visitor(request)
    key = checked_key(request.headers.get("idempotency-key"))
    body = job_body(await json_body(request))
    job = await _accepted(visit, body, None if key is None else f"{Face.V2}:{key}")
    return json_answer(await desk.view(visit, job), 201)


async def _graph(visit: GatewayVisit, workflow: Graph) -> Graph:
    """The graph with its assets' names, if it could run and may be painted now."""
    catalogue = visit.service.catalogues.get(POOL)
    ids = referenced(workflow)
    apart = unexpected(workflow, lambda kind: file_inputs_of(kind, catalogue)) if ids else set()
    names = await visit.service.assets.names(visit.who.artist_id, ids, apart)
    if lost := [each for each in ids if each not in names]:
        raise missing(lost)
    swap(workflow, names)
    graph = judge(workflow, catalogue)
    await check_may_paint(visit, graph)
    return graph


async def _accepted(visit: GatewayVisit, body: JobBody, key: str | None) -> Job:
    try:
        graph = await _graph(visit, body.workflow)
    except GraphRefused as error:
        raise _invalid(error) from error
    # Nobody's socket: her open pages are not told of a program's nodes.
    submission = Submission(Face.V2, graph, key=key, client_id=str(uuid.uuid4()), extra=body.secrets, labels=body.labels)
    try:
        return await _submitted(visit, submission)
    except GraphRefused as error:
        mine = partial(v2_records.release_refused, artist_id=visit.who.artist_id, client_id=submission.client_id)
        await visit.service.store.write(mine)
        raise _invalid(error) from error


async def _submitted(visit: GatewayVisit, submission: Submission) -> Job:
    """Raises Refusal for a key that is in use, GraphRefused, RequestError, StorageError."""
    service, who, key = visit.service, visit.who, submission.key
    try:
        return (await service.workflows.submit(who, POOL, submission, wait=True)).job
    except RequestError as error:
        if error.code != "idempotency_conflict" or key is None:
            raise
        used_before = service.clock.now() - KEY_SECONDS
        expired = partial(v2_records.release_key, artist_id=who.artist_id, key=key, used_before=used_before)
        if not await service.store.write(expired):
            raise _used() from error
    return (await service.workflows.submit(who, POOL, submission, wait=True)).job


def _used() -> Refusal:
    told = "This Idempotency-Key was used within the last 24 hours: look for the job that it made, or use a new one."
    return refused(422, "idempotency_key_reuse", told)


def _invalid(error: GraphRefused) -> Refusal:
    details = str(error.error.get("details") or "")
    message = f"{sentence(str(error))} {sentence(details)}".strip()
    return refused(422, "invalid_workflow", message, {"type": error.kind, "node_errors": error.node_errors})


@enveloped
async def look(request: Request) -> Response:
    """One job, as it is now."""
    desk, visit = visitor(request)
    return json_answer(await desk.view(visit, await desk.job(visit, request.path_params["job_id"])))


@enveloped
async def workflow(request: Request) -> Response:
    """The graph that ran, or will."""
    desk, visit = visitor(request)
    job = await desk.job(visit, request.path_params["job_id"])
    stored = await visit.service.store.read(partial(records.load, job_id=job.id))
    if stored is None:
        raise not_found("The graph of this job is not kept any more.")
    return json_answer({"workflow": orjson.loads(stored.graph), "format": "api"})


@enveloped
async def cancel(request: Request) -> Response:
    """Ends it; one that has ended is answered as it is."""
    desk, visit = visitor(request)
    job = await desk.job(visit, request.path_params["job_id"])
    await visit.service.workflows.cancel([job])
    return json_answer(await desk.view(visit, await desk.job(visit, job.id)))


@enveloped
async def listing(request: Request) -> Response:
    """A page of her jobs, newest first."""
    desk, visit = visitor(request)
    page = pages.page(request.query_params.multi_items())
    found, following = await _page(desk, visit, page)
    cursor = None if following is None else pages.cursor(following)
    return json_answer({"jobs": found, "next_cursor": cursor})


async def _page(desk: Desk, visit: GatewayVisit, page: pages.Page) -> tuple[list[dict[str, object]], int | None]:
    """Summaries, and the place under which the next page begins; None at the end. A search gives up early rather than late."""
    store, now = visit.service.store, visit.service.clock.now()
    found: list[dict[str, object]] = []
    before, looked_at = page.before, 0
    while looked_at < _LOOKED_AT:
        count = page.limit + 1 - len(found)
        mine = partial(v2_records.places, artist_id=visit.who.artist_id, before=before, limit=count)
        places = await store.read(mine)
        jobs = await store.read(partial(load_many, job_ids=[job_id for _, job_id in places]))
        for job in jobs:
            labels = await desk.labels(job)
            view = summary_view(job, labels, now, desk.retention)
            if page.takes(dict(labels)) and page.status in (None, view["status"]):
                if len(found) == page.limit:
                    return found, before
                found.append(view)
            before = job.place
        looked_at += len(places)
        if len(places) < count:
            return found, None
    return found, before


routes: list[BaseRoute] = [
    Route("/v2/jobs", submit, methods=["POST"]),
    Route("/v2/jobs", listing, methods=["GET"]),
    Route("/v2/jobs/{job_id}", look, methods=["GET"]),
    Route("/v2/jobs/{job_id}/workflow", workflow, methods=["GET"]),
    Route("/v2/jobs/{job_id}/cancel", cancel, methods=["POST"]),
]
