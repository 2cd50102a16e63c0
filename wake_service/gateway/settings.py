"""`/settings` and `/users`: an artist's own, awake or asleep; whom a client says it is in `Comfy-User` means nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.answers import json_answer
from wake_service.files import settings
from wake_service.gateway.bodies import json_object
from wake_service.gateway.doorway import visit_of
from wake_service.gateway.refusals import Refusal


async def look(request: Request) -> Response:
    """All of them."""
    return json_answer(await _settings(request))


async def look_at_one(request: Request) -> Response:
    """One; null when it was never set."""
    return json_answer((await _settings(request)).get(request.path_params["setting"]))


async def change(request: Request) -> Response:
    """Some; the others stay."""
    return await _merge(request, await json_object(request))


async def change_one(request: Request) -> Response:
    """One, to any JSON."""
    try:
        value = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refusal(500, "500 Internal Server Error\n\nThe body is no JSON.") from error
    return await _merge(request, {request.path_params["setting"]: value})


async def users(_request: Request) -> Response:
    """As of an engine for one user: each artist is the only one that she sees."""
    return json_answer({"storage": "server", "migrated": True})


async def add_user(_request: Request) -> Response:
    """Refused: artists are added by an admin."""
    raise Refusal(400, {"error": "Artists are added by the admin of the service."})


async def _settings(request: Request) -> dict[str, Any]:
    visit = visit_of(request)
    return await visit.service.store.read(partial(settings.read, artist_id=visit.who.artist_id))


async def _merge(request: Request, changes: Mapping[str, Any]) -> Response:
    visit = visit_of(request)
    try:
        await visit.service.store.write(partial(settings.merge, artist_id=visit.who.artist_id, changes=changes))
    except settings.TooManySettings as error:
        raise Refusal(413, str(error)) from error
    return Response()


routes: list[BaseRoute] = [
    Route("/settings", look, methods=["GET"]),
    Route("/settings", change, methods=["POST"]),
    Route("/settings/{setting:path}", look_at_one, methods=["GET"]),
    Route("/settings/{setting:path}", change_one, methods=["POST"]),
    Route("/users", users, methods=["GET"]),
    Route("/users", add_user, methods=["POST"]),
]
