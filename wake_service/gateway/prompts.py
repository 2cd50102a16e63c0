"""`/prompt` and `/interrupt`: a graph becomes a job before it is answered, whatever the machines do."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.answers import json_answer
from wake_service.errors import RequestError
from wake_service.gateway.bodies import json_object, number
from wake_service.gateway.doorway import GatewayVisit, visit_of
from wake_service.gateway.permission import check_may_paint
from wake_service.gateway.refusals import Refusal, comfy_error
from wake_service.jobs.model import Face
from wake_service.machinery import POOL
from wake_service.workflows.judge import judge
from wake_service.workflows.model import GraphRefused, Submission
from wake_service.workflows.views import plain
from wake_service.workflows.workflows import Accepted

#: Longest name that an old client may give its prompt.
_LONGEST_NAME = 200


async def look(request: Request) -> Response:
    """How many prompts of hers are not finished."""
    visit = visit_of(request)
    remaining = visit.service.workflows.remaining(visit.who.artist_id)
    return json_answer({"exec_info": {"queue_remaining": remaining}})


async def submit(request: Request) -> Response:
    """Takes a graph in."""
    visit = visit_of(request)
    try:
        body = await json_object(request)
        accepted = await _submit(visit, body, request.headers.get("comfy-usage-source"))
    except GraphRefused as refused:
        visit.service.book.place += 1  # in ComfyUI a number is used up either way
        raise Refusal(400, {"error": refused.error, "node_errors": refused.node_errors}) from refused
    name = body.get("prompt_id") or accepted.job.id
    return json_answer({"prompt_id": name, "number": plain(accepted.number), "node_errors": accepted.node_errors})


async def _submit(visit: GatewayVisit, body: dict[str, Any], source: str | None) -> Accepted:
    service = visit.service
    order = number(body)
    if "prompt" not in body:
        raise GraphRefused("no_prompt", "No prompt provided", "No prompt provided")
    name = _name(body)
    graph = judge(body["prompt"], service.catalogues.get(POOL))
    await check_may_paint(visit, graph)
    targets, extra, client_id = body.get("partial_execution_targets"), body.get("extra_data"), body.get("client_id")
    submission = Submission(
        face=Face.COMFY,
        graph=graph,
        name=name,
        key=f"{Face.COMFY}:{name}",
        minted=body.get("prompt_id") is None,
        client_id=client_id if isinstance(client_id, str) else None,
        extra=_extra(extra, source),
        number=order,
        front=bool(body.get("front")),
        targets=tuple(t for t in targets if isinstance(t, str)) if isinstance(targets, list) else None,
    )
    try:
        return await service.workflows.submit(visit.who, POOL, submission, wait=True)
    except RequestError as error:
        if error.code != "idempotency_conflict":
            raise
        told = "This prompt_id was used before, for another prompt. Leave it out to get a new one."
        raise comfy_error(400, "invalid_prompt_id", told, name) from error


def _name(body: dict[str, Any]) -> str:
    """What the client calls its prompt; old ones may call it anything, today's by a UUID."""
    name = body.get("prompt_id")
    if name is None:
        return str(uuid.uuid4())
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        told = "A prompt_id must be a UUID in lower case with hyphens, or at least a short text; leave it out to get one."
        raise comfy_error(400, "invalid_prompt_id", "prompt_id must be a valid UUID", told)
    return name


def _extra(given: Any, source: str | None) -> dict[str, Any]:
    extra = dict(given) if isinstance(given, dict) else {}
    return extra | {"comfy_usage_source": source} if source else extra


async def interrupt(request: Request) -> Response:
    """Ends her running prompt: the one that is named, or whichever of hers runs. Others' go on."""
    visit = visit_of(request)
    name = (await json_object(request, optional=True)).get("prompt_id")
    workflows = visit.service.workflows
    running = [job for job in workflows.unfinished(visit.who.artist_id) if job.started_at is not None]
    await workflows.cancel([job for job in running if not name or workflows.name_of(job) == name])
    return Response()


routes: list[BaseRoute] = [
    Route("/prompt", look, methods=["GET"]),
    Route("/prompt", submit, methods=["POST"]),
    Route("/interrupt", interrupt, methods=["POST"]),
]
