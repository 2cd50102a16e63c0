"""Jobs and their results: list, look, cancel, fetch."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from wake_service.accounts.tokens import Role
from wake_service.answers import json_answer
from wake_service.api.access import Painting, Reading, Visit, reading
from wake_service.api.problems import invalid, not_found
from wake_service.blobs.base import BlobArchived, BlobMissing, Linking
from wake_service.errors import BlobCorrupt, RequestError
from wake_service.jobs import records
from wake_service.jobs.model import Job, JobState, Result
from wake_service.machines.model import MachineState

router = APIRouter()

#: Pictures up to this size are read and sent in one piece: fewer hops between threads. In bytes.
_AT_ONCE = 8_000_000
#: How long a link to a picture works: enough to begin fetching it, also on a slow line. In seconds.
_LINK_SECONDS = 600.0


@router.get("/v1/jobs")
async def listing(
    visit: Reading,
    state: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: str | None = None,
) -> Response:
    """The artist's jobs, newest first; `next` continues."""
    service, who = visit.service, visit.who
    states = [part for part in state.split(",") if part]
    for part in states:
        if part not in list(JobState):
            raise invalid(422, f"“{part}” is no state of a job.", "state")
    found = await service.store.read(lambda conn: records.listing(conn, who.artist_id, states, limit + 1, before))
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    return json_answer({"jobs": [service.book.view(job) for job in page], "next": following})


async def look(request: Request) -> Response:
    """One job."""
    visit = await reading(request)
    return json_answer(visit.service.book.view(await _mine(request.path_params["job_id"], visit)))


#: A plain route: clients that cannot hold a stream ask this often, and FastAPI's dependencies cost more than the answer.
router.routes.append(Route("/v1/jobs/{job_id}", look, methods=["GET"]))


@router.delete("/v1/jobs/{job_id}")
async def cancel(job_id: str, visit: Painting) -> Response:
    """Cancels; a finished job is answered as it is."""
    await _mine(job_id, visit)
    waking = _waking(visit)
    job = await visit.service.dispatcher.cancel(job_id)
    if job is None:
        raise not_found()
    return json_answer({**visit.service.book.view(job), "machine_sleeps": _machine_sleeps(visit, waking)})


@router.delete("/v1/jobs")
async def cancel_all(visit: Painting, which: Literal["mine", "all"] = "mine") -> Response:
    """Cancels all of hers, or (admins) of everybody; what is finished of them stays."""
    service, who = visit.service, visit.who
    if which == "all" and who.role != Role.ADMIN:
        hint = "Cancel your own, or ask your admin."
        raise RequestError(403, "not_allowed", "Only an admin may cancel the pictures of others.", hint=hint)
    waking = _waking(visit)
    jobs = service.book.board if which == "all" else service.book.board.of_artist(who.artist_id)
    cancelled = await service.decisions.cancel_all([job for job in jobs if not job.is_workflow])
    return json_answer({"cancelled": cancelled, "machine_sleeps": _machine_sleeps(visit, waking)})


@router.post("/v1/jobs/{job_id}/front")
async def front(job_id: str, visit: Painting) -> Response:
    """Puts a job before all others of hers that wait; one that a machine has already is answered as it is."""
    await _mine(job_id, visit)
    job = await visit.service.decisions.front(job_id)
    if job is None:
        raise not_found()
    return json_answer(visit.service.book.view(job))


def _waking(visit: Visit) -> list[str]:
    return [machine.id for machine in visit.service.fleet.all() if machine.state is MachineState.WAKING]


def _machine_sleeps(visit: Visit, waking: list[str]) -> bool | None:
    """Whether a machine that was waking goes back to sleep because of what was cancelled; None: none was waking."""
    return any(map(visit.service.controller.goes_back_to_sleep, waking)) if waking else None


@router.get("/v1/jobs/{job_id}/results/{n}")
async def result(
    job_id: str, n: int, visit: Reading, link: bool = False, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The picture itself; with `link`, the way to it where the store gives one."""
    job = await _mine(job_id, visit)
    found = next((result for result in job.results if result.n == n), None)
    if found is None:
        raise _gone() if _was_there(job, n) else not_found("This picture does not exist (yet).")
    headers = {"ETag": f'"{found.sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if if_none_match is not None and found.sha256 in if_none_match:
        return Response(status_code=304, headers=headers)
    blobs = visit.service.blobs
    try:
        if link and isinstance(blobs, Linking) and (linked := await _linked(job, found, blobs)) is not None:
            return linked
        if found.size <= _AT_ONCE:
            return Response(await blobs.get(found.sha256), headers=headers, media_type=found.media_type)
        chunks = await blobs.open(found.sha256)
    except (BlobMissing, BlobCorrupt) as error:
        raise _gone(str(error)) from error
    except BlobArchived as error:
        raise _archived(error) from error
    headers["Content-Length"] = str(found.size)
    return StreamingResponse(chunks, headers=headers, media_type=found.media_type)


async def _linked(job: Job, found: Result, blobs: Linking) -> Response | None:
    """302 to the store itself, where it gives one. Nobody may keep that: it ends, and whoever has it can fetch the picture."""
    filename = f"wakebrush-{job.id[:8]}-{found.n}.{found.media_type.rpartition('/')[2]}"
    address = await blobs.link(found.sha256, _LINK_SECONDS, filename, found.media_type)
    return Response(status_code=302, headers={"Location": address, "Cache-Control": "no-store"}) if address else None


def _was_there(job: Job, n: int) -> bool:
    return job.state is JobState.SUCCEEDED and 0 <= n < job.request.count


def _gone(detail: str | None = None) -> RequestError:
    hint = "Generate it again with the same seed."
    return RequestError(410, "result_gone", "This picture is no longer stored.", hint=hint, detail=detail)


def _archived(error: BlobArchived) -> RequestError:
    hours = max(1, round(error.ready_in / 3600))
    return RequestError(
        409,
        "result_archived",
        "This picture lies in cold storage; it has been asked for.",
        hint=f"Fetch it again in {hours} hours.",
        retry_after=error.ready_in,
    )


async def _mine(job_id: str, visit: Visit) -> Job:
    job = await visit.service.book.find(job_id)
    if job is None or job.artist_id != visit.who.artist_id or job.is_workflow:
        raise not_found("There is no such job.")
    return job
