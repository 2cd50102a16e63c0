"""What ComfyUI calls internal, and `/free`: logs and folders of a machine are nobody's to read, so little is said."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from wake_service.files import records as files
from wake_service.files.model import FOLDERS
from wake_service.gateway.bodies import json_object
from wake_service.gateway.doorway import visit_of
from wake_service.gateway.forwarding import forward
from wake_service.gateway.refusals import Refusal
from wake_service.machinery import POOL
from wake_service.machines.model import MachineState


async def logs(_request: Request) -> Response:
    """GET /internal/logs: none."""
    return JSONResponse("")


async def raw_logs(_request: Request) -> Response:
    """GET /internal/logs/raw: none."""
    return JSONResponse({"entries": [], "size": {"cols": 80, "rows": 24}})


async def subscribe(_request: Request) -> Response:
    """PATCH /internal/logs/subscribe: nothing will come."""
    return Response()


async def folder_paths(_request: Request) -> Response:
    """GET /internal/folder_paths: where things are on a machine's disk is of no use elsewhere."""
    return JSONResponse({})


async def own_files(request: Request) -> Response:
    """GET /internal/files/{folder}: the caller's own, newest first, as lists in the web page want them."""
    folder = request.path_params["folder"]
    if folder not in FOLDERS:
        raise Refusal(400, {"error": "Invalid directory type"})
    visit = visit_of(request)
    names = partial(files.names, artist_id=visit.who.artist_id, folder=folder, subfolder="", newest_first=True)
    return JSONResponse(await visit.service.store.read(names))


async def free(request: Request) -> Response:
    """POST /free: a machine that sleeps or works for somebody has nothing to let go of."""
    visit = visit_of(request)
    await json_object(request, optional=True)
    engine = visit.service.engine(POOL, visit.who.artist_id)
    busy = any(machine.pool == POOL and machine.state is MachineState.BUSY for machine in visit.service.fleet.all())
    return Response() if engine is None or busy else await forward(request, engine)


routes: list[BaseRoute] = [
    Route("/internal/logs", logs),
    Route("/internal/logs/raw", raw_logs),
    Route("/internal/logs/subscribe", subscribe, methods=["PATCH"]),
    Route("/internal/folder_paths", folder_paths),
    Route("/internal/files/{folder}", own_files),
    Route("/free", free, methods=["POST"]),
]
