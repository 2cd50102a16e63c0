"""What the engine is and what it has: `/system_stats`, `/object_info`, `/models` and their kin, and the WebSocket."""

from __future__ import annotations

from aiohttp import web

from .. import models
from ..engine import FEATURES, Engine


def routes(engine: Engine) -> list[web.RouteDef]:
    """The routes of this file."""

    async def system_stats(request: web.Request) -> web.Response:
        return web.json_response(engine.system_stats())

    async def features(request: web.Request) -> web.Response:
        return web.json_response(FEATURES)

    async def object_info(request: web.Request) -> web.Response:
        names = [request.match_info["node_class"]] if "node_class" in request.match_info else engine.catalogue.names()
        described = {name: engine.catalogue.describe(name) for name in names}
        return web.json_response({name: info for name, info in described.items() if info is not None})

    async def model_folders(request: web.Request) -> web.Response:
        return web.json_response(list(models.FOLDERS))

    async def model_names(request: web.Request) -> web.Response:
        folder = request.match_info["folder"]
        names = models.FOLDERS.get(models.FOLDER_ALIASES.get(folder, folder))
        return web.Response(status=404) if names is None else web.json_response(list(names))

    async def nothing(request: web.Request) -> web.Response:
        return web.json_response([])

    async def websocket(request: web.Request) -> web.WebSocketResponse:
        return await engine.hub.serve(request, engine.greeting)

    return [
        web.get("/system_stats", system_stats),
        web.get("/features", features),
        web.get("/object_info", object_info),
        web.get("/object_info/{node_class}", object_info),
        web.get("/models", model_folders),
        web.get("/models/{folder}", model_names),
        web.get("/embeddings", nothing),
        web.get("/ws", websocket),
    ]
