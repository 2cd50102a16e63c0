"""All routes of the Comfy API v2; what is below them and unknown is a 404 here, and no engine is asked."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.gateway.v2 import assets, events, jobs
from wake_service.gateway.v2.answers import not_found

#: Node packs have routes below `/v2` too: only these two names are ours.
_OURS = ("/v2/assets", "/v2/jobs")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _nothing(_request: Request) -> Response:
    raise not_found("There is nothing at this address of the Comfy API v2, or not with this method.")


routes: list[BaseRoute] = [
    *assets.routes,
    *jobs.routes,
    *events.routes,
    *(Route(f"{name}{below}", _nothing, methods=_METHODS) for name in _OURS for below in ("", "/{rest:path}")),
]
