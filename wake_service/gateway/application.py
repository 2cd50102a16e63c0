"""Puts the gateway's resources together, behind its door, into one ASGI application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from wake_service.app import Service
from wake_service.gateway import (
    failures,
    internal,
    jobs,
    mirrored,
    passthrough,
    prompts,
    queue,
    settings,
    socket,
    tooling,
    uploads,
    userdata,
    view,
)
from wake_service.gateway.doorway import Doorway
from wake_service.gateway.eas import routes as eas
from wake_service.gateway.mirrored import Lists
from wake_service.gateway.tooling import Exchange
from wake_service.gateway.v2 import routes as v2

#: Resource by resource, in the order in which they are asked; the last one takes all that is left.
RESOURCES: tuple[Sequence[BaseRoute], ...] = (
    prompts.routes,
    queue.routes,
    jobs.routes,
    socket.routes,
    uploads.routes,
    view.routes,
    settings.routes,
    userdata.routes,
    eas.routes,
    v2.routes,
    tooling.routes,
    internal.routes,
    mirrored.routes,
    passthrough.routes,
)


def create_gateway(service: Service, resources: Sequence[Sequence[BaseRoute]] = RESOURCES) -> Doorway:
    """The gateway of one service, which somebody else starts and stops."""
    routes = [route for resource in resources for route in resource]
    app = Starlette(routes=routes, exception_handlers=failures.HANDLERS)
    app.router.redirect_slashes = False  # its redirects would name an address without the caller's prefix
    app.state.service, app.state.lists, app.state.waiting, app.state.exchange = service, Lists(), Counter(), Exchange()
    return Doorway(app, service)
