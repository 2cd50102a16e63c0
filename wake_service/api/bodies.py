"""Bodies of requests, never longer than they may be."""

from __future__ import annotations

from starlette.requests import Request

from wake_service.errors import RequestError


async def read_body(request: Request, limit: int, too_large: RequestError) -> bytes:
    """The whole body; raises `too_large` as soon as it is known to have more than `limit` bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)
