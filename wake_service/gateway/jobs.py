"""`/api/jobs`: queue and history as ComfyUI's page of today reads them: one row that is not whole empties it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.answers import json_answer
from wake_service.gateway.bodies import json_object
from wake_service.gateway.doorway import under_api, visit_of
from wake_service.gateway.refusals import Refusal
from wake_service.workflows import views
from wake_service.workflows.model import is_uuid

_NOT_FOUND = Refusal(404, {"error": "Job not found"})


def _only_under_api(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def checked(request: Request) -> Response:
        if not under_api(request):
            raise Refusal(404, "404: Not Found")
        return await handler(request)

    return checked


async def listing(request: Request) -> Response:
    """A page of her jobs."""
    visit = visit_of(request)
    try:
        wish = views.PageWish.read(request.query_params)
    except ValueError as error:
        raise Refusal(400, {"error": str(error)}) from error
    return json_answer(views.page(await visit.service.workflows.everything(visit.who.artist_id), wish))


async def look(request: Request) -> Response:
    """One job with its outputs and its graph."""
    visit = visit_of(request)
    found = await visit.service.workflows.named(visit.who.artist_id, request.path_params["job_id"])
    if found is None:
        raise _NOT_FOUND
    return json_answer(views.whole_job(*found))


async def cancel(request: Request) -> Response:
    """Ends one, waiting or running."""
    visit = visit_of(request)
    return json_answer({"cancelled": await _cancel(request, visit.who.artist_id, [request.path_params["job_id"]])})


async def cancel_many(request: Request) -> Response:
    """Ends several."""
    visit = visit_of(request)
    ids = (await json_object(request)).get("job_ids")
    if not isinstance(ids, list) or not ids:
        raise Refusal(400, {"error": "job_ids must be a non-empty list of job ids"})
    if invalid := [each for each in ids if not is_uuid(each)]:
        raise Refusal(400, {"error": "job_ids must be valid UUIDs", "invalid_ids": invalid})
    return json_answer({"cancelled": await _cancel(request, visit.who.artist_id, ids)})


async def _cancel(request: Request, artist_id: str, wanted: list[str]) -> bool:
    workflows = visit_of(request).service.workflows
    return await workflows.cancel([job for job in workflows.unfinished(artist_id) if views.name_of(job) in wanted])


routes: list[BaseRoute] = [
    Route("/jobs", _only_under_api(listing), methods=["GET"]),
    Route("/jobs/cancel", _only_under_api(cancel_many), methods=["POST"]),
    Route("/jobs/{job_id}", _only_under_api(look), methods=["GET"]),
    Route("/jobs/{job_id}/cancel", _only_under_api(cancel), methods=["POST"]),
]
