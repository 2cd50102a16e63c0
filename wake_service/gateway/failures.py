"""Whatever goes wrong behind the gateway's door becomes an answer with a sentence; never a stack trace."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from wake_service.errors import RequestError, StorageError, StorageFull
from wake_service.gateway.refusals import Refusal, comfy_error, unavailable

log = logging.getLogger(__name__)

#: Close code of RFC 6455 and IANA: something is wrong here; try again later.
_TRY_AGAIN_LATER = 1013


async def _refused(connection: Request | WebSocket, error: Exception) -> Response | None:
    assert isinstance(error, Refusal)
    return await _answered(connection, error)


async def _storage_full(connection: Request | WebSocket, error: Exception) -> Response | None:
    log.error("%s", error)
    full = "The service's disk is full. Nothing that was accepted is lost. Ask your admin to make room."
    refusal = unavailable(full) if isinstance(connection, WebSocket) else comfy_error(507, "storage_full", full)
    return await _answered(connection, refusal)


async def _storage_failed(connection: Request | WebSocket, error: Exception) -> Response | None:
    log.error("%s", error)
    return await _answered(connection, unavailable("The service cannot read or write its store at the moment. Try again soon."))


async def _http_error(_connection: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.status_code}: {error.detail}", error.status_code, error.headers)


async def _disconnected(_connection: Request, _error: Exception) -> Response:
    """The client went in the middle of its request: there is nobody to answer."""
    log.debug("a client went")
    return Response(status_code=400)


async def _gone(_connection: WebSocket, _error: Exception) -> None:
    log.debug("a client's socket went")


async def _unexpected(request: Request, error: Exception) -> Response:
    reference = uuid.uuid4().hex[:12]
    log.error("[%s] %s %s failed", reference, request.method, request.url.path, exc_info=error)
    told = (
        "Something went wrong in the service. Nothing that was accepted is lost. Try again; if it happens again, tell your admin"
    )
    return comfy_error(500, "internal_error", f"{told} the reference {reference}.").response()


async def _answered(connection: Request | WebSocket, refusal: Refusal) -> Response | None:
    """A socket that is open already can only be closed."""
    if not isinstance(connection, WebSocket):
        return refusal.response()
    if connection.application_state is WebSocketState.CONNECTING:
        await connection.send_denial_response(refusal.response())
    elif connection.client_state is WebSocketState.CONNECTED:
        await connection.close(_TRY_AGAIN_LATER)
    return None


#: Starlette's own type knows no handler that serves both requests and sockets, as its dispatch does.
async def _request_error(connection: Request | WebSocket, error: Exception) -> Response | None:
    assert isinstance(error, RequestError)
    return await _answered(connection, comfy_error(error.status, error.code, f"{error.title} {error.hint}".strip()))


HANDLERS: dict[Any, Any] = {
    Refusal: _refused,
    RequestError: _request_error,
    StorageFull: _storage_full,
    StorageError: _storage_failed,
    HTTPException: _http_error,
    ClientDisconnect: _disconnected,
    WebSocketDisconnect: _gone,
    Exception: _unexpected,
}
