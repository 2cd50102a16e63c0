"""Where a caller finds the gateway, for addresses in answers that must be whole."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import Scope

from wake_service.gateway.address import Address

#: Said by `wakebrush connect`: the loopback port through which its clients come, and through which they must come back.
BASE_HEADER = "wakebrush-base"
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}")


def base_url(scope: Scope, headers: Headers, address: Address, public_url: str | None) -> str:
    """Without a slash at its end."""
    said = headers.get(BASE_HEADER, "")
    if address.token is None and _LOOPBACK.fullmatch(said):
        return said
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    server = scope.get("server") or ("localhost", None)
    host = headers.get("host") or (server[0] if server[1] is None else f"{server[0]}:{server[1]}")
    return (public_url.rstrip("/") if public_url else f"{scheme}://{host}") + address.prefix
