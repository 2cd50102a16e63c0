"""One request through to a machine and its answer back, piece by piece: nothing is held as a whole."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from yarl import URL

from wake_service.comfy.client import EngineClient, named
from wake_service.gateway.doorway import under_api, visit_of
from wake_service.gateway.refusals import Refusal, comfy_error
from wake_service.mirror.mirror import Mirror
from wake_service.mirror.model import ANSWER_BYTES, may_be_kept

log = logging.getLogger(__name__)

#: Between two hops (RFC 9110, 7.6.1), and what each hop says for itself.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
#: Not for a machine: whom this service is to them is said by the service, and a copy is to be whole and of the moment.
_NOT_SENT = HOP_BY_HOP | {"host", "authorization", "cookie", "origin", "referer", "expect", "comfy-user"}
_NOT_RETURNED = HOP_BY_HOP | {"date", "server", "set-cookie"}
#: What aiohttp would say of itself in the caller's place.
_NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
#: Silence of an engine after which it is given up, in seconds: what a node pack does when it is asked may take long.
SILENCE_SECONDS = 300.0
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an answer is kept for when the machine sleeps: under which path, and for whom."""

    mirror: Mirror
    path: str
    owner: str


class Passed(StreamingResponse):
    """An engine's answer on its way. Whoever stops listening stops the engine's sending, too."""

    def __init__(self, answer: aiohttp.ClientResponse, headers: list[tuple[bytes, bytes]], kept: Kept | None) -> None:
        super().__init__(_pieces(answer, kept), answer.status)
        self.raw_headers = headers
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._answer.release()


async def forward(request: Request, engine: EngineClient, kept: Kept | None = None) -> Response:
    """The engine's answer to a request. Raises Refusal (502) when there is none."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=engine.timeouts.connect, sock_read=SILENCE_SECONDS)
    try:
        answer = await engine.session.request(
            request.method,
            address(request, engine),
            data=_body(request) if has_body(request) else None,
            headers=headers_for(request, engine),
            skip_auto_headers=_NOT_ADDED,
            allow_redirects=False,
            auto_decompress=False,
            timeout=timeout,
            read_bufsize=_PIECE,
        )
    except (aiohttp.ClientError, OSError) as broken:
        if isinstance(broken.__cause__, Refusal | ClientDisconnect):
            raise broken.__cause__ from None  # it was the caller's own body
        raise comfy_error(502, "bad_gateway", _broken(engine, broken)) from broken
    headers = _returned(answer, visit_of(request).base, engine)
    return Passed(answer, headers, kept if _may_keep(request, answer) else None)


def address(connection: HTTPConnection, engine: EngineClient) -> URL:
    """Where the engine is asked: the caller's own path, escapes and all, without what the gateway put before it."""
    path = connection.scope["raw_path"].decode("latin-1") or "/"
    query = connection.scope["query_string"].decode("latin-1")
    api = "/api" if under_api(connection) else ""
    return URL(f"{engine.base_url}{api}{path}{'?' if query else ''}{query}", encoded=True)


def headers_for(connection: HTTPConnection, engine: EngineClient) -> list[tuple[str, str]]:
    """The caller's headers as far as they concern an engine, and what lets us in."""
    mentioned = {name.strip().lower() for name in connection.headers.get("connection", "").split(",")}
    unsent = _NOT_SENT | mentioned
    mine = [
        (name, value) for name, value in connection.headers.items() if name not in unsent and not name.startswith("sec-websocket")
    ]
    return [*mine, *engine.headers.items()]


def has_body(request: Request) -> bool:
    """Whether the request brings one (RFC 9112, 6)."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        if piece:
            yield piece


def _may_keep(request: Request, answer: aiohttp.ClientResponse) -> bool:
    media_type, size = answer.headers.get("Content-Type", ""), answer.content_length or 0
    plain = "Content-Encoding" not in answer.headers and "Set-Cookie" not in answer.headers
    return request.method == "GET" and plain and may_be_kept(answer.status, media_type, size)


async def _pieces(answer: aiohttp.ClientResponse, kept: Kept | None) -> AsyncIterator[bytes]:
    """The answer as it comes. One that breaks off is broken off here, too: its caller must not take it for whole."""
    taken = bytearray()
    async for piece in answer.content.iter_any():
        if kept is not None:
            taken += piece
            if len(taken) > ANSWER_BYTES:
                kept, taken = None, bytearray()
        yield piece
    if kept is not None:
        await kept.mirror.keep_anyway(kept.path, bytes(taken), answer.headers["Content-Type"], kept.owner)


def _returned(answer: aiohttp.ClientResponse, base: str, engine: EngineClient) -> list[tuple[bytes, bytes]]:
    mentioned = {name.strip().lower() for name in answer.headers.get("Connection", "").split(",")}
    unsaid = _NOT_RETURNED | mentioned
    said = [(name.lower(), value) for name, value in answer.headers.items() if name.lower() not in unsaid]
    return [
        (name.encode(), (_location(value, base, engine) if name == "location" else value).encode("latin-1"))
        for name, value in said
    ]


def _location(target: str, base: str, engine: EngineClient) -> str:
    """A redirect to a path of the engine leads to the same path below the caller's own address."""
    parts = urlsplit(target)
    here = urlsplit(engine.base_url)
    if parts.netloc and parts.netloc != here.netloc:
        return target
    if not parts.netloc and not parts.path.startswith("/"):
        return target
    return f"{base}{parts.path}{'?' if parts.query else ''}{parts.query}"


def _broken(engine: EngineClient, error: Exception) -> str:
    log.info("A call could not be passed through to %s: %s", engine.base_url, named(error))
    return "The machine broke off in the middle of this call. It may or may not have done it: look before you send it again."
