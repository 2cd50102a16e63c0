"""Answers made of stored bytes: whole, a range of them, only their headers, or the word that they are still the same."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wake_service.blobs.base import BlobArchived, BlobMissing, BlobStore
from wake_service.errors import BlobCorrupt
from wake_service.files.reading import read_range
from wake_service.gateway.ranges import Span, Unsatisfiable, span_of, unchanged
from wake_service.gateway.refusals import Refusal, unavailable

#: Asked again each time, but not sent again: a name may stand for other bytes tomorrow.
REVALIDATED = "private, no-cache"


class _Pieces(Response):
    """An answer that goes out as its bytes are read, as fast as the client takes them."""

    def __init__(self, pieces: AsyncGenerator[bytes], status: int, headers: Mapping[str, str]) -> None:
        self._pieces = pieces
        super().__init__(None, status)
        self.raw_headers = MutableHeaders(headers).raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def stored_answer(
    request: Request, blobs: BlobStore, sha256: str, size: int, headers: Mapping[str, str], etag: str | None = None
) -> Response:
    """A blob, as `Range`, `If-None-Match` and HEAD ask for it; `headers` say what it is. Raises Refusal or StorageError."""
    asked, tag = request.headers, etag or f'"{sha256}"'
    said = {"Cache-Control": REVALIDATED, **headers, "ETag": tag, "Accept-Ranges": "bytes"}
    if unchanged(asked.get("if-none-match"), tag):
        return Response(status_code=304, headers={name: said[name] for name in ("Cache-Control", "ETag")})
    span = _span(asked, tag, size)
    said["Content-Length"] = str(span.stop - span.start)
    if span.partial:
        said["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    with readable():
        head = request.method == "HEAD"
        pieces = _nothing() if head else await read_range(blobs, sha256, span.start, span.stop)
    return _Pieces(pieces, 206 if span.partial else 200, said)


def disposition(kind: str, filename: str) -> str:
    """`Content-Disposition`: `inline` or `attachment`, with the file's name also for browsers that read only ASCII."""
    plain = "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else "_" for c in filename)
    named = f'{kind}; filename="{plain}"'
    return named if plain == filename else f"{named}; filename*=utf-8''{quote(filename, safe='')}"


def _span(asked: Headers, etag: str, size: int) -> Span:
    try:
        return span_of(asked.get("range"), asked.get("if-range"), etag, size)
    except Unsatisfiable as error:
        raise Refusal(
            416, f"The file has {size:,} bytes; the range begins behind them.", {"Content-Range": f"bytes */{size}"}
        ) from error


@contextmanager
def readable() -> Iterator[None]:
    """Raises Refusal for bytes that cannot be read now, or any more."""
    try:
        yield
    except BlobArchived as error:
        raise unavailable(str(error), error.ready_in) from error
    except (BlobMissing, BlobCorrupt) as error:
        raise Refusal(404, f"{error} Make or send it again.") from error


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""
