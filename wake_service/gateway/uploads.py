"""`/upload/image` and `/upload/mask`: files of any kind into an artist's folders, stored as they arrive."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from functools import partial
from typing import IO

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from wake_service.answers import json_answer
from wake_service.blobs.base import chunks_of
from wake_service.files.folders import Arrival, OverQuota, Whole
from wake_service.files.model import BadName, FileName, StoredFile, file_name, unannotated
from wake_service.files.pictures import NotAPicture
from wake_service.gateway.doorway import GatewayVisit, visit_of
from wake_service.gateway.multipart import Form, Part
from wake_service.gateway.refusals import Refusal, comfy_error
from wake_service.gateway.stored import readable
from wake_service.machinery import POOL
from wake_service.workflows.naming import input_name

#: Masks up to this size wait in memory for the picture they belong to, larger ones in a temporary file. In bytes.
_SPOOL_BYTES = 4 * 1024 * 1024


async def image(request: Request) -> Response:
    """Keeps a file. The same name with the same content keeps the name; other content gets ` (1)` and so on."""
    visit = visit_of(request)
    fields: dict[str, str] = {}
    arrival: Arrival | None = None
    name = ""
    async with AsyncExitStack() as until_kept:
        parts = await until_kept.enter_async_context(aclosing(Form(request).parts()))
        async for part in parts:
            if part.name == "image" and part.filename is not None and arrival is None:
                name = part.filename
                sent_ahead = partial(_send_ahead, visit, name)
                arrival = await until_kept.enter_async_context(_received(visit, part.chunks, sent_ahead))
            elif part.filename is None:
                fields.setdefault(part.name, await part.text())
        if arrival is None or not name:
            raise _nothing_sent()
        return _answer(await _kept(arrival, _name(fields, name), fields))


async def mask(request: Request) -> Response:
    """Keeps a picture of hers anew, transparent where the mask says so."""
    visit = visit_of(request)
    fields: dict[str, str] = {}
    name = ""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        async with aclosing(Form(request).parts()) as parts:
            async for part in parts:
                if part.name == "image" and part.filename is not None and not name:
                    name = part.filename
                    await _spooled(part, spool)
                elif part.filename is None:
                    fields.setdefault(part.name, await part.text())
        if not name:
            raise _nothing_sent()
        wanted = _name(fields, name)
        merged = await _merged(visit, _original(fields.get("original_ref", "")), spool)
    async with _received(visit, chunks_of(merged)) as arrival:
        return _answer(await _kept(arrival, wanted, fields))


async def _merged(visit: GatewayVisit, name: FileName, drawn: IO[bytes]) -> bytes:
    original = await visit.service.folders.find(visit.who.artist_id, name)
    if original is None:
        raise Refusal(400, "The picture that the mask belongs to is not there.")
    await asyncio.to_thread(drawn.seek, 0)
    try:
        with readable():
            return await visit.service.gallery.masked(original.sha256, drawn)
    except NotAPicture as error:
        raise Refusal(400, str(error)) from error


def _received(
    visit: GatewayVisit, data: AsyncIterator[bytes], whole: Whole | None = None
) -> AbstractAsyncContextManager[Arrival]:
    return visit.service.folders.receive(visit.who.artist_id, data, visit.service.settings.gateway_max_body_bytes, whole)


def _send_ahead(visit: GatewayVisit, name: str, sha256: str, data: bytes) -> None:
    """To her engine if one is awake: most likely the next prompt starts from it."""
    service, artist_id = visit.service, visit.who.artist_id
    engine = service.engine(POOL, artist_id)
    if engine is not None:
        wanted = partial(service.folders.has_room_for, artist_id, sha256, len(data))
        service.workflows.uploads.send_ahead(engine, input_name(sha256, name), data, wanted)


async def _kept(arrival: Arrival, name: FileName, fields: dict[str, str]) -> StoredFile:
    try:
        return await arrival.keep(name, overwrite=fields.get("overwrite", "").lower() in ("true", "1"))
    except OverQuota as error:
        raise comfy_error(413, "quota_exceeded", str(error)) from error


async def _spooled(part: Part, spool: IO[bytes]) -> None:
    async for chunk in part.chunks:
        await asyncio.to_thread(spool.write, chunk)


def _name(fields: dict[str, str], name: str) -> FileName:
    try:
        return file_name(fields.get("type") or "input", fields.get("subfolder", ""), name)
    except BadName as error:
        raise Refusal(400, str(error)) from error


def _original(reference: str) -> FileName:
    """What `original_ref` names: `{"filename": "a.png", "subfolder": "", "type": "output"}`. Raises Refusal."""
    try:
        given = orjson.loads(reference)
        name, folder = unannotated(given["filename"], given.get("type") or "output")
        return file_name(folder, given.get("subfolder") or "", name)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, BadName) as error:
        raise Refusal(400, "original_ref does not name the picture that the mask belongs to.") from error


def _answer(file: StoredFile) -> Response:
    return json_answer({"name": file.name.name, **file.name.on_wire()})


def _nothing_sent() -> Refusal:
    return Refusal(400, "The form holds no file named `image`.")


routes: list[BaseRoute] = [
    Route("/upload/image", image, methods=["POST"]),
    Route("/upload/mask", mask, methods=["POST"]),
]
