"""What the gateway refuses, in the shapes that ComfyUI's clients know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import PlainTextResponse, Response

#: When a caller is asked to come back if nothing better is known, in seconds.
RETRY_SECONDS = 5


class Refusal(Exception):
    """A request that is not answered as it wished. `body` is JSON, or a sentence as plain text; no token is ever in it."""

    def __init__(self, status: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The refusal as it goes out."""
        if isinstance(self.body, str):
            return PlainTextResponse(self.body, self.status, self.headers)
        return Response(orjson.dumps(self.body), self.status, self.headers, media_type="application/json")


def comfy_error(
    status: int,
    kind: str,
    message: str,
    details: str = "",
    extra_info: Mapping[str, Any] | None = None,
    node_errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """ComfyUI's own shape of `POST /prompt`'s errors, which its clients show to people. `kind` goes out as `type`."""
    error = {"type": kind, "message": message, "details": details, "extra_info": dict(extra_info or {})}
    return Refusal(status, {"error": error, "node_errors": dict(node_errors or {})}, headers)


def unavailable(message: str, retry_after: float = RETRY_SECONDS) -> Refusal:
    """503: it would work later. `retry_after` in seconds. All that clients of ComfyUI retry a WebSocket on."""
    headers = {"Retry-After": str(max(1, round(retry_after)))}
    return comfy_error(503, "unavailable", message, headers=headers)
