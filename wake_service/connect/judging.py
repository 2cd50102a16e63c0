"""Whom the loopback port serves: programs of this computer, and pages that it has itself given out.

Any page in a browser can send requests to this computer. It betrays itself: by `Host` if it has made its own name point here
(DNS rebinding), else by `Origin` or `Sec-Fetch-Site`.
"""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = ("127.0.0.1", "localhost", "[::1]")


def objection(headers: Mapping[str, str], method: str, path: str, port: int) -> str | None:
    """Why a request is refused; None when it is served. `headers` by any case of their names."""
    hosts = {f"{name}:{port}" for name in _NAMES}
    if headers.get("Host", "").lower() not in hosts:
        return f"This port serves only this computer, by the name of 127.0.0.1:{port}."
    site = headers.get("Sec-Fetch-Site", "none")
    opened = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"), method) == ("navigate", "document", "GET")
    if site not in ("same-origin", "none") and not (opened and path == "/"):
        return "A page of another site may not use this port."
    origin = headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
        return "A page of another site may not use this port."
    return None
