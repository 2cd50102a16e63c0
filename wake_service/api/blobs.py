"""Uploads by checksum."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from wake_service.accounts.tokens import Identity
from wake_service.answers import json_answer
from wake_service.api.access import Painting
from wake_service.api.bodies import read_body
from wake_service.api.problems import not_found, quota_exceeded
from wake_service.app import Service
from wake_service.blobs.base import BlobTooLarge, ChecksumMismatch
from wake_service.blobs.image import ImageInfo, ImageTooLarge, NotAnImage, inspect
from wake_service.blobs.life import exceeds
from wake_service.blobs.records import add_blob, granted, used_bytes
from wake_service.errors import RequestError
from wake_service.jobs.submissions import PIN_SECONDS

router = APIRouter()

Checksum = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.head("/v1/blobs/{sha256}")
async def head(sha256: Checksum, visit: Painting) -> Response:
    """204 when this artist has uploaded it, which pins it anew."""
    service, who = visit.service, visit.who
    until = service.clock.now() + PIN_SECONDS
    if not await service.shelf.renew(who.artist_id, sha256, until):
        raise not_found("This picture was not uploaded yet.")
    return Response(status_code=204)


@router.put("/v1/blobs/{sha256}")
async def put(sha256: Checksum, visit: Painting, request: Request) -> Response:
    """Stores a picture and pins it."""
    service, who = visit.service, visit.who
    limit = service.settings.max_blob_bytes
    data = await read_body(request, limit, _too_large(limit))
    image = await _inspected(data, service)
    await _check_quota(who, sha256, len(data), service)
    size = {"size": len(data), "width": image.width, "height": image.height}
    now = service.clock.now()
    add = partial(add_blob, artist_id=who.artist_id, sha256=sha256, media_type=image.media_type, now=now)
    try:
        await service.shelf.keep(data, sha256, limit, partial(add, pinned_until=now + PIN_SECONDS, **size))
    except ChecksumMismatch as error:
        hint = "Send it again."
        raise RequestError(422, "blob_checksum_mismatch", "The picture arrived changed.", hint=hint, detail=str(error)) from error
    except BlobTooLarge as error:
        raise _too_large(limit) from error
    return json_answer({"sha256": sha256, "media_type": image.media_type, **size}, 201)


async def _check_quota(who: Identity, sha256: str, size: int, service: Service) -> None:
    """Raises RequestError when an upload that she does not have yet is more than she may have."""
    quota = service.settings.quota_bytes
    if quota is None or await service.store.read(partial(granted, artist_id=who.artist_id, sha256=sha256)):
        return
    if exceeds(quota, await service.store.read(partial(used_bytes, artist_id=who.artist_id)), size):
        raise quota_exceeded(quota)


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
