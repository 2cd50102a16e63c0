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
    "http_413": "payload_too_large",
    "http_408": "request_timeout",
}
#: When a caller whose queue is full comes back, in seconds; without this the SDKs would not always try again.
_RETRY_AFTER = "5"
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


def in_envelope(refusal: Refusal) -> Refusal:
    """A refusal of the rooms that this API shares with ComfyUI's own, in the envelope."""
    body = refusal.body
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, Mapping) and "code" in error:
        return refusal
    kind, message, details = f"http_{refusal.status}", str(body), None
    if isinstance(error, Mapping):
        kind, message, details = str(error.get("type")), str(error.get("message")), error.get("extra_info") or None
    code = _NAMES.get(kind, kind)
    waiting = {"Retry-After": _RETRY_AFTER} if refusal.status == 429 else {}
    told = {"error": {"code": code, "message": sentence(message), "details": details}}
    return Refusal(_STATUSES.get(code, refusal.status), told, waiting | refusal.headers)


def sentence(text: str) -> str:
    """With a full stop at its end."""
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


def enveloped(handler: Handler) -> Handler:
    """The handler, with whatever is refused or cannot be stored told in the API's envelope."""

    @wraps(handler)
    async def told(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            raise in_envelope(refusal) from refusal
        except RequestError as error:
            raise translated(error) from error
        except StorageFull as error:
            raise refused(507, "storage_full", f"{error} Tell your admin; nothing of this call was kept.") from error
        except StorageError as error:
            raise refused(500, "upstream_error", f"{error} Try again in a moment.") from error

    return told
