"""Puts the gateway's resources together, behind its door, into one ASGI application."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from wake_service.app import Service
from wake_service.gateway import failures, jobs, prompts, queue, settings, socket, uploads, userdata, view
from wake_service.gateway.doorway import Doorway
from wake_service.gateway.refusals import Refusal
from wake_service.gateway.v2 import assets as v2_assets
from wake_service.gateway.v2 import events as v2_events
from wake_service.gateway.v2 import jobs as v2_jobs


async def _no_such_socket(_socket: WebSocket) -> None:
    """404, as ComfyUI says it; without this the answer would be 403, which its clients take for a wrong token."""
    raise Refusal(404, "404: Not Found")


#: Resource by resource, in the order in which they are asked; what nobody answers is a 404.
RESOURCES: tuple[Sequence[BaseRoute], ...] = (
    prompts.routes,
    queue.routes,
    jobs.routes,
    socket.routes,
    uploads.routes,
    view.routes,
    settings.routes,
    userdata.routes,
    v2_assets.routes,
    v2_jobs.routes,
    v2_events.routes,
    [WebSocketRoute("/{path:path}", _no_such_socket)],
)


def create_gateway(service: Service, resources: Sequence[Sequence[BaseRoute]] = RESOURCES) -> Doorway:
    """The gateway of one service, which somebody else starts and stops."""
    routes = [route for resource in resources for route in resource]
    app = Starlette(routes=routes, exception_handlers=failures.HANDLERS)
    app.router.redirect_slashes = False  # its redirects would name an address without the caller's prefix
    app.state.service = service
    return Doorway(app, service)
