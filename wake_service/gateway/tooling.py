"""`/etn/…`: the tooling node pack that a widely used Krita plugin asks for its pictures, its models and shared workflows.

Pictures are files of their artist, so that they outlive the machine; what graphs say of them is in workflows/. What it says of
models is answered from the copy, in parts as it is asked for.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from wake_service.files.folders import OverQuota
from wake_service.files.model import FileName
from wake_service.gateway.bodies import json_object
from wake_service.gateway.doorway import visit_of
from wake_service.gateway.mirrored import fact
from wake_service.gateway.refusals import Refusal
from wake_service.gateway.stored import stored_answer
from wake_service.machinery import POOL
from wake_service.mirror.mirror import Mirror
from wake_service.mirror.tooling import LANGUAGES, model_info_part, model_info_path
from wake_service.workflows import frames
from wake_service.workflows.tooling import image_name

#: What it says of models is read from their files' headers, which takes it long: it counts for so long, in seconds.
_MODELS_FRESH = 600.0
#: A picture that was sent longer ago is taken again, in seconds: it might go before a graph names it.
_KEPT_SURELY = 3600.0
_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDED = "Models are added for all who share these machines: ask your admin (`wakebrush models add`). The picture was not begun."


async def get_image(request: Request) -> Response:
    """GET /etn/image/{id}: a picture that was sent, or that a workflow made."""
    visit = visit_of(request)
    file = await visit.service.folders.find(visit.who.artist_id, _name(request))
    if file is None:
        raise Refusal(404, {"error": "Image not found"})
    return await stored_answer(request, visit.service.blobs, file.sha256, file.size, {"Content-Type": file.media_type})


async def put_image(request: Request) -> Response:
    """PUT /etn/image/{id}: keeps a picture for graphs that name it; one that is there already is not taken again."""
    visit, name = visit_of(request), _name(request)
    folders = visit.service.folders
    known = await folders.find(visit.who.artist_id, name)
    if known is not None and visit.service.clock.now() - known.at < _KEPT_SURELY:
        return JSONResponse({"status": "cached"})
    limit = visit.service.settings.gateway_max_body_bytes
    try:
        async with folders.receive(visit.who.artist_id, request.stream(), limit) as arrival:
            await arrival.keep(name, overwrite=True)
    except OverQuota as error:
        raise Refusal(413, {"error": str(error)}) from error
    return JSONResponse({"status": "success"}, 201)


def _name(request: Request) -> FileName:
    name = image_name(request.path_params["id"])
    if name is None:
        raise Refusal(400, {"error": "Invalid image id"})
    return name


async def model_info(request: Request) -> Response:
    """GET /etn/model_info/{folder}?offset=&limit=: what is known of the models in a folder."""
    folder = request.path_params.get("folder", "checkpoints")
    if not _FOLDER.fullmatch(folder):
        raise Refusal(400, {"error": "Invalid folder name"})
    mirror = visit_of(request).service.mirrors.of(POOL)
    if _is_unknown(mirror, folder, asleep=visit_of(request).service.engine(POOL) is None):
        raise Refusal(404, {"error": f"Nothing is known of models in {folder}"})
    mirror, entry = await fact(request, model_info_path(folder), _MODELS_FRESH)
    info = await mirror.json(entry)
    offset, limit = _number(request, "offset", 0), _number(request, "limit", None)
    return JSONResponse(model_info_part(info, offset or 0, limit))


def _is_unknown(mirror: Mirror, folder: str, *, asleep: bool) -> bool:
    """Whether the machine that was read last had no such pack, or was not asked for this folder."""
    languages = mirror.find(LANGUAGES)
    if languages is None:
        return False
    return languages.status == 404 or (asleep and mirror.find(model_info_path(folder)) is None)


def _number(request: Request, name: str, default: int | None) -> int | None:
    written = request.query_params.get(name)
    if written is None:
        return default
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise Refusal(400, {"error": f"{name} must be a number"})
    return int(written)


async def upload_model(request: Request) -> Response:
    """PUT /etn/upload/{folder}/{name}: a model that is there already is welcome; others are not taken from one artist."""
    folder, name = request.path_params["folder"], request.path_params["name"]
    mirror = visit_of(request).service.mirrors.of(POOL)
    entry = mirror.find(f"/models/{folder}")
    known = await mirror.json(entry) if entry is not None and entry.status == 200 else []
    if name in known:
        return JSONResponse({"status": "cached"})
    raise Refusal(403, {"error": _ADDED})


class Exchange:
    """Workflows that an artist's pages show to her other programs. Hers only, and gone with the service, as with an engine."""

    def __init__(self) -> None:
        self._published: dict[str, OrderedDict[str, dict[str, Any]]] = {}
        self._subscribed: dict[str, set[str]] = {}

    def publish(self, artist_id: str, publisher_id: str, shown: dict[str, Any]) -> set[str]:
        """Keeps it; who is to be told."""
        published = self._published.setdefault(artist_id, OrderedDict())
        published[publisher_id] = shown
        published.move_to_end(publisher_id)
        while len(published) > _MOST:
            published.popitem(last=False)
        return self._subscribed.get(artist_id, set())

    def subscribe(self, artist_id: str, client_id: str) -> list[dict[str, Any]]:
        """Begins to tell a client; what it is to be told now."""
        clients = self._subscribed.setdefault(artist_id, set())
        if len(clients) < _MOST:
            clients.add(client_id)
        return list(self._published.get(artist_id, {}).values())

    def unsubscribe(self, artist_id: str, client_id: str) -> None:
        """Tells it no more."""
        self._subscribed.get(artist_id, set()).discard(client_id)


#: Workflows and listeners of one artist.
_MOST = 32
_PUBLISHED = "etn_workflow_published"


async def publish(request: Request) -> Response:
    """POST /etn/workflow/publish {name, client_id, workflow}."""
    name, client_id, workflow = await _members(request, "name", "client_id", "workflow")
    visit = visit_of(request)
    exchange: Exchange = request.app.state.exchange
    shown = {"publisher": {"name": name, "id": client_id}, "workflow": workflow}
    for listener in exchange.publish(visit.who.artist_id, str(client_id), shown):
        visit.service.workflows.switchboard.publish(visit.who.artist_id, listener, frames.message(_PUBLISHED, shown))
    return JSONResponse({"status": "success"})


async def subscribe(request: Request) -> Response:
    """POST /etn/workflow/subscribe {client_id}."""
    (client_id,) = await _members(request, "client_id")
    visit = visit_of(request)
    exchange: Exchange = request.app.state.exchange
    for shown in exchange.subscribe(visit.who.artist_id, str(client_id)):
        visit.service.workflows.switchboard.publish(visit.who.artist_id, str(client_id), frames.message(_PUBLISHED, shown))
    return JSONResponse({"status": "success"})


async def unsubscribe(request: Request) -> Response:
    """POST /etn/workflow/unsubscribe {client_id}."""
    (client_id,) = await _members(request, "client_id")
    exchange: Exchange = request.app.state.exchange
    exchange.unsubscribe(visit_of(request).who.artist_id, str(client_id))
    return JSONResponse({"status": "success"})


async def _members(request: Request, *names: str) -> list[Any]:
    body = await json_object(request)
    missing = [name for name in names if name not in body]
    if missing:
        raise Refusal(400, {"error": f"{', '.join(missing)} missing"})
    return [body[name] for name in names]


routes: list[BaseRoute] = [
    Route("/etn/image/{id}", get_image, methods=["GET"]),
    Route("/etn/image/{id}", put_image, methods=["PUT"]),
    Route("/etn/model_info", model_info),
    Route("/etn/model_info/{folder}", model_info),
    Route("/etn/upload/{folder}/{name}", upload_model, methods=["PUT"]),
    Route("/etn/workflow/publish", publish, methods=["POST"]),
    Route("/etn/workflow/subscribe", subscribe, methods=["POST"]),
    Route("/etn/workflow/unsubscribe", unsubscribe, methods=["POST"]),
]
