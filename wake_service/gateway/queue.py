"""`/queue` and `/history`: an artist's own, from the service's store, whatever became of machines meanwhile."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.answers import json_answer
from wake_service.gateway.bodies import json_object, names
from wake_service.gateway.doorway import visit_of
from wake_service.workflows import views


async def look(request: Request) -> Response:
    """What runs and what waits."""
    visit = visit_of(request)
    workflows = visit.service.workflows
    running: list[list[Any]] = []
    pending: list[list[Any]] = []
    for job, stored in await workflows.with_stored(workflows.unfinished(visit.who.artist_id)):
        (pending if job.started_at is None else running).append(views.queue_item(job, stored))
    return json_answer({"queue_running": running, "queue_pending": pending})


async def change(request: Request) -> Response:
    """Takes waiting prompts out."""
    visit = visit_of(request)
    workflows = visit.service.workflows
    body = await json_object(request)
    waiting = [job for job in workflows.unfinished(visit.who.artist_id) if job.started_at is None]
    wanted = None if body.get("clear") else set(names(body, "delete"))
    await workflows.cancel([job for job in waiting if wanted is None or workflows.name_of(job) in wanted])
    return Response()


async def history(request: Request) -> Response:
    """What became of prompts: all of hers, or the last `max_items`, or so many from `offset` on."""
    visit = visit_of(request)
    limit, offset = _number(request, "max_items"), _number(request, "offset")
    entries = await visit.service.workflows.history(visit.who.artist_id, limit, -1 if offset is None else offset)
    return json_answer({views.name_of(job): views.history_entry(job, stored) for job, stored in entries})


async def one_history(request: Request) -> Response:
    """What became of one prompt; nothing while it is not finished."""
    visit = visit_of(request)
    found = await visit.service.workflows.ended(visit.who.artist_id, request.path_params["prompt_id"])
    return json_answer({} if found is None else {views.name_of(found[0]): views.history_entry(*found)})


async def forget(request: Request) -> Response:
    """Takes finished prompts out of her history. Their pictures stay."""
    visit = visit_of(request)
    body = await json_object(request)
    await visit.service.workflows.hide(visit.who.artist_id, None if body.get("clear") else names(body, "delete"))
    return Response()


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.lstrip("-").isdecimal() else None


routes: list[BaseRoute] = [
    Route("/queue", look, methods=["GET"]),
    Route("/queue", change, methods=["POST"]),
    Route("/history", history, methods=["GET"]),
    Route("/history", forget, methods=["POST"]),
    Route("/history/{prompt_id}", one_history, methods=["GET"]),
]
