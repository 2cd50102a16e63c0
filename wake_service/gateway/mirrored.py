"""What an engine says of itself, its models and its nodes, and the web page: answered from the copy, at once, while it sleeps."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import orjson
from cachetools import LRUCache
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError
from wake_service.files import records as files
from wake_service.gateway.awake import awake_engine
from wake_service.gateway.copies import send_entry, send_packable
from wake_service.gateway.doorway import GatewayVisit, visit_of
from wake_service.gateway.forwarding import forward
from wake_service.gateway.refusals import Refusal, unavailable
from wake_service.machinery import POOL
from wake_service.mirror.mirror import Mirror
from wake_service.mirror.model import Entry
from wake_service.mirror.personal import Owned, with_files

log = logging.getLogger(__name__)

OBJECT_INFO, SYSTEM_STATS, FEATURES = "/object_info", "/system_stats", "/features"
JSON = "application/json; charset=utf-8"
#: While a machine is awake, what it said of its models and nodes counts for so long, in seconds: a model may be added meanwhile.
FRESH_SECONDS = 30.0
#: Lists of nodes of different artists that are held, made and packed: in bytes; and their lists of files, by number.
_HELD_BYTES, _HELD_FILES = 128 * 1024 * 1024, 256


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that was made of kept ones: its checksum, and its bytes plain and packed."""

    sha256: str
    body: bytes
    packed: bytes

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.body) + len(self.packed)


class Lists:
    """Lists of nodes as each artist may see them. Made once for as long as neither the engine's nor her files change."""

    def __init__(self) -> None:
        self._made: LRUCache[tuple[str, str, str, str], Made] = LRUCache(_HELD_BYTES, attrgetter("size"))
        self._files: LRUCache[tuple[str, str], list[Owned]] = LRUCache(_HELD_FILES)

    async def of(self, visit: GatewayVisit, mirror: Mirror, entry: Entry, node_class: str | None = None) -> Made:
        """The list for a visitor, or what it says of one class."""
        hers = visit.who.artist_id, visit.service.folders.version(visit.who.artist_id)
        wanted = entry.sha256, *hers, node_class or ""
        made = self._made.get(wanted)
        if made is None:
            mine = self._files.get(hers)
            if mine is None:
                mine = self._files[hers] = await visit.service.store.read(partial(inputs_of, artist_id=hers[0]))
            info = await mirror.json(entry)
            made = await asyncio.to_thread(_make, info, mine, node_class)
            if made.size <= _HELD_BYTES // 4:
                self._made[wanted] = made
        return made


def inputs_of(conn: Connection, artist_id: str) -> list[Owned]:
    """Files of an artist that nodes can be given."""
    found = [file for subfolder in ("", "3d") for file in files.listing(conn, artist_id, "input", subfolder)]
    return [Owned("input", file.name.path, file.media_type) for file in found]


def _make(info: dict[str, Any], mine: list[Owned], node_class: str | None) -> Made:
    chosen = info if node_class is None else {name: node for name, node in info.items() if name == node_class}
    body = orjson.dumps(with_files(chosen, mine))
    return Made(hashlib.sha256(body).hexdigest(), body, gzip.compress(body, 6, mtime=0))


async def fact(request: Request, path: str, fresh_seconds: float = FRESH_SECONDS) -> tuple[Mirror, Entry]:
    """What the engine says at a path: as it is now while it is awake, else as it was last. Raises Refusal (503)."""
    visit = visit_of(request)
    mirror = visit.service.mirrors.of(POOL)
    entry = mirror.find(path)
    engine = visit.service.engine(POOL)
    if engine is None and entry is None:
        engine = await awake_engine(request, visit)
    if engine is not None:
        known = entry is not None and mirror.is_of(engine) and visit.service.clock.now() - entry.as_of < fresh_seconds
        if not known or "no-cache" in request.headers.get("cache-control", ""):
            entry = await renewed(mirror, engine, path)
    if entry is None:
        raise Refusal(404, "404: Not Found")
    return mirror, entry


async def renewed(mirror: Mirror, engine: EngineClient, path: str) -> Entry | None:
    """What an engine that is awake says; None where it has nothing. Raises Refusal (503) when it does not say."""
    try:
        return await mirror.renew(engine, path)
    except EngineError as error:
        log.info("%s", error)
        raise unavailable("The machine does not answer this at the moment. Try again soon.") from error


async def object_info(request: Request) -> Response:
    """GET /object_info, /object_info/{class}: lists of files are the caller's own."""
    mirror, entry = await fact(request, OBJECT_INFO)
    lists: Lists = request.app.state.lists
    made = await lists.of(visit_of(request), mirror, entry, request.path_params.get("node_class"))
    return send_packable(request, made.sha256, JSON, made.body, made.packed)


async def system_stats(request: Request) -> Response:
    """GET /system_stats: of the moment, or as last seen."""
    return await send_entry(request, *await fact(request, SYSTEM_STATS, 0.0))


async def features(request: Request) -> Response:
    """GET /features: the engine's, but for what is ours to say."""
    service = visit_of(request).service
    mirror = service.mirrors.of(POOL)
    entry = mirror.find(FEATURES)
    said = orjson.loads(await mirror.body(entry)) if entry is not None and entry.status == 200 else {}
    return Response(orjson.dumps({**said, **service.gateway_features()}), media_type="application/json")


async def plain_fact(request: Request) -> Response:
    """GET of all else that an engine says of itself. Of a folder that the copy has not, the machine that is awake may know."""
    visit, path = visit_of(request), request.scope["path"]
    mirror, engine = visit.service.mirrors.of(POOL), visit.service.engine(POOL)
    if request.path_params and mirror.find(path) is None:
        if engine is None and not mirror.is_empty:
            raise Refusal(404, "404: Not Found")
        return await forward(request, engine or await awake_engine(request, visit))
    return await send_entry(request, *await fact(request, path))


_FACTS = (
    "/models",
    "/models/{folder}",
    "/embeddings",
    "/extensions",
    "/i18n",
    "/workflow_templates",
    "/global_subgraphs",
    "/global_subgraphs/{id}",
    "/node_replacements",
    "/experiment/models",
    "/experiment/models/{folder}",
    "/etn/languages",
)
routes: list[BaseRoute] = [
    Route(OBJECT_INFO, object_info),
    Route(OBJECT_INFO + "/{node_class}", object_info),
    Route(SYSTEM_STATS, system_stats),
    Route(FEATURES, features),
    *(Route(path, plain_fact) for path in _FACTS),
]
