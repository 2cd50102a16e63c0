"""`/eas/results`: results by long poll, each until it is acknowledged."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from wake_service.answers import json_answer
from wake_service.gateway.doorway import painting, visit_of
from wake_service.gateway.eas.parcels import pack
from wake_service.gateway.eas.wishes import Wish
from wake_service.gateway.refusals import comfy_error
from wake_service.workflows.delivery import DeliveryId


async def take(request: Request) -> Response:
    """Results at once if there are any, else as soon as one is there, else none after `wait` seconds."""
    visit = visit_of(request)
    painting(visit)  # what it gets, others do not
    wish, sink = Wish.read(request.query_params, "max"), visit.service.workflows.sink
    if wish.task_id is not None:
        await _check_is_there(request, wish.task_id)
    taken = await sink.take(visit.who.artist_id, wish.most, wish.wait, wish.visibility, wish.task_id)
    return json_answer({"results": await pack(visit, taken, wish.inline)})


async def acknowledge(request: Request) -> Response:
    """Somebody has a result for good. Saying so again is fine."""
    visit = visit_of(request)
    text = request.path_params["delivery_id"]
    which = DeliveryId.parse(text)
    found = await visit.service.workflows.sink.acknowledge(visit.who.artist_id, [which] if which else [])
    if which is None or which not in found:
        told = "No result was delivered to you under this id, so nothing was acknowledged."
        raise comfy_error(404, "not_found", told, text[:100])
    return json_answer({"acknowledged": True, "delivery_id": str(which), "task_id": found[which]})


async def _check_is_there(request: Request, task_id: str) -> None:
    visit = visit_of(request)
    if await visit.service.workflows.sink.find(visit.who.artist_id, task_id) is None:
        told = "There is no task of yours by this name. Send it to /eas/api_prompt first."
        raise comfy_error(404, "not_found", told, task_id)
