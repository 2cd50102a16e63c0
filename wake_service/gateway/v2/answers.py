"""What every call of the Comfy API v2 answers with: JSON, and one envelope for all errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wake_service.errors import RequestError, StorageError, StorageFull
from wake_service.gateway.refusals import Refusal

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

#: Codes of the service's own refusals under the names that the SDKs turn into exceptions of their own.
_NAMES = {
    "queue_full": "queue_full",
    "budget_exhausted": "insufficient_credits",
    "not_authenticated": "unauthorized",
    "not_allowed": "forbidden",
    "not_found": "not_found",
    "idempotency_conflict": "idempotency_key_reuse",
    "blob_missing": "missing_asset",
    "graph_refused": "invalid_workflow",
}
#: Statuses that the SDKs expect with a name, where the service has others.
_STATUSES = {"idempotency_key_reuse": 422, "missing_asset": 422}


def json_answer(body: object, status: int = 200) -> Response:
    """JSON that no cache keeps."""
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, media_type="application/json")


def refused(
    status: int, code: str, message: str, details: Mapping[str, Any] | None = None, *, retry_after: float | None = None
) -> Refusal:
    """An error in the API's envelope. `retry_after` in seconds; the SDKs read whole numbers only."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
    return Refusal(status, {"error": {"code": code, "message": message, "details": details}}, headers)


def not_found(what: str) -> Refusal:
    """404 for what does not exist, and for what is somebody else's."""
    return refused(404, "not_found", what)


def translated(error: RequestError) -> Refusal:
    """A refusal of the service's own, in this API's words."""
    code = _NAMES.get(error.code, error.code)
    details = {name: value for name, value in error.extra.items() if name != "retry_after"}
    message = " ".join(part for part in (error.title, error.hint) if part)
    return refused(_STATUSES.get(code, error.status), code, message, details or None, retry_after=error.extra.get("retry_after"))


def enveloped(handler: Handler) -> Handler:
    """The handler, with what the service refuses or cannot store told in the API's envelope."""

    @wraps(handler)
    async def told(request: Request) -> Response:
        try:
            return await handler(request)
        except RequestError as error:
            raise translated(error) from error
        except StorageFull as error:
            raise refused(507, "storage_full", f"{error} Tell your admin; nothing of this call was kept.") from error
        except StorageError as error:
            raise refused(500, "upstream_error", f"{error} Try again in a moment.") from error

    return told
