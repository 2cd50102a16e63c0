"""Everything that nobody else answers: the web page's files, and what node packs bring. Passed through to a machine that is
awake; answered from the copy, or held until one is, while none is (docs/gateway.md says what is never passed through)."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from wake_service.gateway.awake import awake_engine
from wake_service.gateway.copies import send_entry
from wake_service.gateway.doorway import painting, under_api, visit_of
from wake_service.gateway.forwarding import Kept, forward
from wake_service.gateway.mirrored import renewed
from wake_service.gateway.refusals import Refusal, unavailable
from wake_service.gateway.socket_forwarding import forward_socket
from wake_service.machinery import POOL
from wake_service.mirror.mirror import EVERYBODY, Mirror
from wake_service.mirror.model import Entry

#: What is read as a whole: what is not there is not on the machine either.
_STATIC = re.compile(r"/(?:assets|scripts|extensions|fonts|cursor|lib|templates|docs)/.*|/|/[^/]+\.[a-z0-9]{2,8}")
#: Other paths to what is ours to answer, and what nobody behind the gateway is to be asked.
_NEVER = re.compile(
    r"(?:/api)?/(?:ws|prompt|queue|history|interrupt|view|upload|settings|users|userdata|jobs|internal|free|eas"
    r"|v2(?!/manager/)|etn/(?:image|upload|workflow))(?:/.*)?"
)
#: A database of files that knows no owners; `/features` says that it is off.
_ASSETS = re.compile(r"/(?:assets|tags)(?:/.*)?")
_NO_ASSETS = {"error": {"code": "SERVICE_DISABLED", "message": "Assets are disabled on this server", "details": {}}}
#: The page asks for it wherever it comes from; most have none, which would be a complaint in every browser's console.
_USER_STYLE = "/user.css"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_NOT_FOUND = "404: Not Found"


def _is_ours(path: str) -> bool:
    """Whether no engine is asked: it would take `/x/../prompt` for what was answered here."""
    *folders, last = path.split("/")[1:]
    return bool(_NEVER.fullmatch(path)) or last in (".", "..") or any(part in ("", ".", "..") for part in folders)


async def anything(request: Request) -> Response:
    """A call that has no resource of its own."""
    path = request.scope["path"]
    if _is_ours(path):
        raise Refusal(404, _NOT_FOUND)
    if under_api(request) and _ASSETS.fullmatch(path):
        raise Refusal(503, _NO_ASSETS)
    if request.method not in ("GET", "HEAD"):
        engine = await awake_engine(request, visit_of(request))
        return await forward(request, engine)
    if _STATIC.fullmatch(path) and not under_api(request):
        return await static_file(request, path)
    return await answer_of_a_pack(request, path)


async def static_file(request: Request, path: str) -> Response:
    """A file of the web page or of a node pack's part of it. Those of the machine that is awake, if it is another one."""
    visit = visit_of(request)
    mirror = visit.service.mirrors.of(POOL)
    entry, engine = mirror.find(path), visit.service.engine(POOL)
    if engine is not None and (entry is None or not mirror.is_of(engine)):
        entry = await renewed(mirror, engine, path)
    elif entry is None and mirror.is_empty:
        entry = await renewed(mirror, await awake_engine(request, visit), path)
    if entry is None or entry.status == 404:
        if path == _USER_STYLE:
            return Response("", media_type="text/css")
        raise Refusal(404, _NOT_FOUND)
    return await send_entry(request, mirror, entry)


async def answer_of_a_pack(request: Request, path: str) -> Response:
    """A GET of a node pack: of the moment while a machine is awake, else as it was answered last."""
    visit = visit_of(request)
    mirror, service = visit.service.mirrors.of(POOL), visit.service
    owner = EVERYBODY if service.settings.isolation == "shared" else visit.who.artist_id
    asked = f"{path}?{request.url.query}" if request.url.query else path
    entry = mirror.find(asked, owner)
    engine = service.engine(POOL, visit.who.artist_id)
    if engine is None and entry is not None:
        return await send_entry(request, mirror, entry)
    if not visit.may_paint:  # packs do more than look when they are asked, too
        return await _known_only(request, mirror, entry)
    engine = engine or await awake_engine(request, visit)
    return await forward(request, engine, Kept(mirror, asked, owner))


async def _known_only(request: Request, mirror: Mirror, entry: Entry | None) -> Response:
    if entry is None:
        raise unavailable("This link is only for looking, and what it asks for was never told here. Somebody who paints may ask.")
    return await send_entry(request, mirror, entry)


async def any_socket(socket: WebSocket) -> None:
    """A WebSocket of a node pack: through to a machine that is awake. It wakes none; its page tries again by itself."""
    visit = visit_of(socket)
    if _is_ours(socket.scope["path"]):
        raise Refusal(404, _NOT_FOUND)
    painting(visit)
    engine = visit.service.engine(POOL, visit.who.artist_id)
    if engine is None:
        raise unavailable("The machine sleeps, and this socket is one of its own. It opens when the machine is awake.", 30)
    await forward_socket(socket, engine)


#: The last to be asked.
routes: list[BaseRoute] = [
    Route("/{path:path}", anything, methods=_METHODS),
    WebSocketRoute("/{path:path}", any_socket),
]
