"""Uploads by checksum."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlalchemy import Connection, select, update
from starlette.responses import Response

from wake_service.accounts.tokens import Identity
from wake_service.api.access import Painting
from wake_service.api.answers import json_answer
from wake_service.api.bodies import read_body
from wake_service.api.problems import not_found
from wake_service.app import Service
from wake_service.blobs.base import BlobTooLarge, ChecksumMismatch
from wake_service.blobs.image import ImageInfo, ImageTooLarge, NotAnImage, inspect
from wake_service.errors import RequestError
from wake_service.jobs.collector import add_blob
from wake_service.jobs.submissions import PIN_SECONDS
from wake_service.store.store import Transaction
from wake_service.store.tables import blob_grants

router = APIRouter()

Checksum = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.head("/v1/blobs/{sha256}")
async def head(sha256: Checksum, visit: Painting) -> Response:
    """204 when this artist has uploaded it, which pins it anew."""
    service, who = visit.service, visit.who
    if not await service.store.read(partial(_granted, who, sha256)) or not await service.blobs.exists(sha256):
        raise not_found("This picture was not uploaded yet.")
    until = service.clock.now() + PIN_SECONDS
    await service.store.write(partial(_pin, who, sha256, until))
    return Response(status_code=204)


@router.put("/v1/blobs/{sha256}")
async def put(sha256: Checksum, visit: Painting, request: Request) -> Response:
    """Stores a picture and pins it."""
    service, who = visit.service, visit.who
    limit = service.settings.max_blob_bytes
    data = await read_body(request, limit, _too_large(limit))
    image = await _inspected(data, service)
    try:
        blob = await service.blobs.put(data, sha256=sha256, max_bytes=limit)
    except ChecksumMismatch as error:
        hint = "Send it again."
        raise RequestError(422, "blob_checksum_mismatch", "The picture arrived changed.", hint=hint, detail=str(error)) from error
    except BlobTooLarge as error:
        raise _too_large(limit) from error
    now = service.clock.now()
    size = {"size": blob.size, "width": image.width, "height": image.height}
    write = partial(_add, who, sha256, image.media_type, now, size)
    await service.store.write(write)
    return json_answer({"sha256": sha256, "media_type": image.media_type, **size}, 201)


async def _inspected(data: bytes, service: Service) -> ImageInfo:
    try:
        return await asyncio.to_thread(inspect, data, max_pixels=service.settings.max_pixels)
    except NotAnImage as error:
        hint = "Send a PNG, JPEG or WebP picture."
        raise RequestError(415, "not_an_image", str(error), hint=hint) from error
    except ImageTooLarge as error:
        hint = "Select a smaller region, or scale the picture down."
        raise RequestError(413, "image_too_large", str(error), hint=hint) from error


def _too_large(limit: int) -> RequestError:
    hint = "Select a smaller region, or scale the picture down."
    return RequestError(413, "blob_too_large", f"The picture has more than {limit:,} bytes.", hint=hint)


def _granted(who: Identity, sha256: str, conn: Connection) -> bool:
    mine = (blob_grants.c.artist_id == who.artist_id) & (blob_grants.c.sha256 == sha256)
    return conn.execute(select(blob_grants.c.sha256).where(mine)).first() is not None


def _pin(who: Identity, sha256: str, until: float, tx: Transaction) -> None:
    mine = (blob_grants.c.artist_id == who.artist_id) & (blob_grants.c.sha256 == sha256)
    tx.conn.execute(update(blob_grants).where(mine).values(pinned_until=until))


def _add(who: Identity, sha256: str, media_type: str, now: float, size: dict[str, int], tx: Transaction) -> None:
    add_blob(tx, who.artist_id, sha256, media_type, now, pinned_until=now + PIN_SECONDS, **size)
