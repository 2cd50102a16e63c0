"""Puts the resources together into one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wake_service import __version__
from wake_service.api import (
    blobs,
    catalogue,
    costs,
    events,
    gathering,
    generate,
    health,
    jobs,
    links,
    machines,
    me,
    pair,
    pictures,
    plugin,
    problems,
)
from wake_service.api.access import SERVICE_HEADER
from wake_service.app import Service
from wake_service.plugin_file import PluginFile

Hook = Callable[[], Awaitable[None]]


def create_app(service: Service, on_ready: Hook | None = None, on_end: Hook | None = None) -> FastAPI:
    """The application of one service. It starts the service when the server starts, and stops it with the server.

    `on_ready` is awaited once the service runs, `on_end` before it stops.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        if on_ready is not None:
            await on_ready()
        yield
        if on_end is not None:
            await on_end()
        await service.stop()

    app = FastAPI(title="Wakebrush", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    app.state.plugin = PluginFile(service.settings.data / "plugin", service.settings.plugin_folder)
    for resource in (
        health,
        blobs,
        generate,
        gathering,
        jobs,
        events,
        links,
        machines,
        catalogue,
        costs,
        me,
        pictures,
        pair,
        plugin,
    ):
        app.router.routes.extend(resource.router.routes)  # flat: an included router is searched anew for every request
    problems.install(app)
    app.add_middleware(ServiceHeader)
    return app


class ServiceHeader:
    """Says on every answer which versions of the wire are spoken here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._header = (b"wakebrush-service", SERVICE_HEADER.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self._header]
            await send(message)

        await self._app(scope, receive, send_with_header)
