"""ComfyUI's web page and what it asks for when it starts."""

from __future__ import annotations

from aiohttp import web

from .. import NAME, models, pack
from ..engine import Engine
from ..pack.routes import routes as pack_routes
from .bodies import json_object

TEXT = f"""<!doctype html><meta charset="utf-8"><title>{NAME}</title>
<body style="font: 18px/1.5 sans-serif; max-width: 34em; margin: 12vh auto; color: #333"><h1>{NAME}</h1>
<p>This engine speaks ComfyUI's protocol and sketches with plain arithmetic, so that everything can be tried without a GPU.</p>"""
FRESH = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "0"}
"""With the page itself: its parts carry their versions in their names, and it names them."""


def routes(engine: Engine) -> list[web.RouteDef]:
    """Those that answer bare and under `/api`."""

    async def root(request: web.Request) -> web.StreamResponse:
        if engine.page.root is None:
            return web.Response(text=TEXT, content_type="text/html")
        return web.FileResponse(engine.page.root / "index.html", headers=FRESH)

    async def extensions(request: web.Request) -> web.Response:
        return web.json_response(engine.page.scripts())

    async def nothing(request: web.Request) -> web.Response:
        return web.json_response({})

    async def model_folders(request: web.Request) -> web.Response:
        folders = [{"name": name, "folders": [str(engine.folders.root / "models" / name)]} for name in models.FOLDERS]
        return web.json_response(folders)

    async def model_files(request: web.Request) -> web.Response:
        folder = request.match_info["folder"]
        names = models.FOLDERS.get(models.FOLDER_ALIASES.get(folder, folder))
        if names is None:
            return web.Response(status=404)
        # They are ways of sketching, not files: no size, no time.
        return web.json_response([{"name": name, "pathIndex": 0, "modified": 0.0, "created": 0.0, "size": 0} for name in names])

    more = pack_routes() if pack.NAME in engine.page.packs else []
    return [
        web.get("/", root),
        web.get("/extensions", extensions),
        web.get("/i18n", nothing),
        web.get("/workflow_templates", nothing),
        web.get("/global_subgraphs", nothing),
        web.get("/node_replacements", nothing),
        web.get("/experiment/models", model_folders),
        web.get("/experiment/models/{folder}", model_files),
        *more,
    ]


def bare_routes(engine: Engine) -> list[web.AbstractRouteDef]:
    """Those that answer only without `/api`: the page's files, and what ComfyUI calls internal."""

    async def logs(request: web.Request) -> web.Response:
        return web.json_response(engine.logs.text())

    async def raw_logs(request: web.Request) -> web.Response:
        return web.json_response(engine.logs.raw())

    async def subscribe(request: web.Request) -> web.Response:
        body = await json_object(request)
        engine.logs.subscribe(str(body.get("clientId")), bool(body.get("enabled")))
        return web.Response()

    async def no_templates(request: web.Request) -> web.Response:
        return web.json_response([])

    async def no_logos(request: web.Request) -> web.Response:
        return web.json_response({})

    files = [web.static(f"/extensions/{name}", folder) for name, folder in engine.page.packs.items()]
    if engine.page.root is not None:
        files.append(web.static("/", engine.page.root))
    return [
        web.get("/internal/logs", logs),
        web.get("/internal/logs/raw", raw_logs),
        web.patch("/internal/logs/subscribe", subscribe),
        web.get("/templates/index.json", no_templates),
        web.get("/templates/index_logo.json", no_logos),
        *files,
    ]
