"""Everything that goes wrong becomes a problem document (RFC 9457) with a sentence; never a stack trace."""

from __future__ import annotations

import logging
import uuid

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from wake_service.api.access import SERVICE_HEADER
from wake_service.errors import RequestError, StorageFull

log = logging.getLogger(__name__)


def problem(error: RequestError) -> Response:
    """The wire form of an error."""
    body = {"type": f"urn:wakebrush:error:{error.code}", "title": error.title, "status": error.status, "code": error.code}
    if error.detail:
        body["detail"] = error.detail
    body |= {"hint": error.hint, **error.extra}
    headers = {"Retry-After": str(error.extra["retry_after"])} if "retry_after" in error.extra else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(body), error.status, headers, media_type="application/problem+json")


def not_found(what: str = "There is nothing at this address.") -> RequestError:
    """404, also for what belongs to somebody else."""
    return RequestError(404, "not_found", what, hint="Check the address; it may have been deleted.")


def storage_full() -> RequestError:
    """507."""
    return RequestError(
        507, "storage_full", "The service's disk is full. Nothing that was accepted is lost.", hint="Ask your admin to make room."
    )


def quota_exceeded(quota: int) -> RequestError:
    """413: an artist's pictures take more room than she may have."""
    title = f"Your pictures fill the {_readable(quota)} that you may have on the service."
    hint = "Delete pictures that you no longer need, or ask your admin for more room."
    return RequestError(413, "quota_exceeded", title, hint=hint)


def _readable(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def invalid(status: int, title: str, field: str | None = None) -> RequestError:
    """A request that cannot be understood or is out of range."""
    extra = {"field": field} if field else {}
    return RequestError(status, "invalid_request", title, hint="Correct the request and send it again.", **extra)


async def _request_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return problem(error)


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(of_validation(error.errors()))


async def _storage_full(_request: Request, error: Exception) -> Response:
    log.error("%s", error)
    return problem(storage_full())


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(not_found())
    if error.status_code == 405:
        return problem(RequestError(405, "not_found", "This address knows no such method.", hint="See docs/wire.md."))
    return problem(invalid(error.status_code, str(error.detail)))


async def _disconnected(request: Request, _error: Exception) -> Response:
    """The client went in the middle of its request: there is nobody to answer."""
    log.debug("%s %s: the client went", request.method, request.url.path)
    return Response(status_code=400)


async def _unexpected(request: Request, error: Exception) -> Response:
    reference = uuid.uuid4().hex[:12]
    log.error("[%s] %s %s failed", reference, request.method, request.url.path, exc_info=error)
    answer = problem(
        RequestError(
            500,
            "internal_error",
            "Something went wrong in the service. Nothing that was accepted is lost.",
            hint="Try again; if it happens again, tell your admin the reference.",
            detail=f"Reference {reference}",
        )
    )
    answer.headers["Wakebrush-Service"] = SERVICE_HEADER  # made outside of what adds it to all others
    return answer


def of_validation(errors: object) -> RequestError:
    """The first of pydantic's complaints, as a sentence that names the field."""
    first = errors[0] if isinstance(errors, list | tuple) and errors else {}
    field = ".".join(str(part) for part in first.get("loc", ()) if part not in ("body", "query", "path", "header"))
    if first.get("type") in ("json_invalid", "json_type"):
        return invalid(400, "The request is not valid JSON.")
    reason = str(first.get("msg", "not valid")).removeprefix("Value error, ")
    return invalid(422, f"“{field}”: {reason}." if field else f"{reason}.", field or None)


def install(app: FastAPI) -> None:
    """Registers the handlers."""
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(StorageFull, _storage_full)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _disconnected)
    app.add_exception_handler(Exception, _unexpected)
