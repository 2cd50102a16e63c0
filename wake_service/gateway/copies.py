"""Sends what is kept of an engine's answers: with an ETag, packed if the caller takes that, as it was packed once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from wake_service.mirror.mirror import Mirror
from wake_service.mirror.model import Entry

#: A part of the web page whose name changes with its content (`assets/index-B2rHQ9Sn.js`).
_NAMED_BY_CONTENT = re.compile(r"/assets/.*-[A-Za-z0-9_-]{8}\.[a-z0-9]+")
_IMMUTABLE = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"


async def send_entry(request: Request, mirror: Mirror, entry: Entry) -> Response:
    """One kept answer, or 304 when the caller has it. Raises StorageError."""
    headers = headers_of(entry.sha256, request.scope["path"])
    if entry.status == 200 and is_known(request, headers):
        return Response(status_code=304, headers=headers)
    packed = entry.packed is not None and takes_gzip(request)
    body = await mirror.body(entry, packed=packed)
    return Response(body, entry.status, {**headers, **_kind(entry.media_type, packed=packed)})


def send_packable(request: Request, etag: str, media_type: str, body: bytes, packed: bytes) -> Response:
    """An answer that was made of kept ones, and packed when it was made."""
    headers = headers_of(etag, request.scope["path"])
    if is_known(request, headers):
        return Response(status_code=304, headers=headers)
    gzip = takes_gzip(request)
    return Response(packed if gzip else body, 200, {**headers, **_kind(media_type, packed=gzip)})


def headers_of(sha256: str, path: str) -> dict[str, str]:
    """What is said of an answer, sent or not. The ETag is weak: packed or not, it is the same."""
    keep = _IMMUTABLE if _NAMED_BY_CONTENT.fullmatch(path) else _ASK_AGAIN
    return {"ETag": f'W/"{sha256[:32]}"', "Cache-Control": keep, "Vary": "Accept-Encoding"}


def is_known(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the caller has it, by its own account (RFC 9110, If-None-Match: weak comparison)."""
    said = request.headers.get("if-none-match")
    if said is None:
        return False
    tag = headers["ETag"].removeprefix("W/")
    return said.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in said.split(","))


def takes_gzip(request: Request) -> bool:
    """Whether the caller can unpack."""
    for offer in request.headers.get("accept-encoding", "").split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _kind(media_type: str, *, packed: bool) -> dict[str, str]:
    return {"Content-Type": media_type, **({"Content-Encoding": "gzip"} if packed else {})}
