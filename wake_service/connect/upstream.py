"""The gateway, as the loopback port calls it: which headers travel, and what is said when it is away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from wake_service.errors import SetupError

#: How long a connection may take to come about, in seconds.
CONNECT_SECONDS = 10.0
#: The longest silence of an answer, in seconds: the gateway holds what needs a machine for 600 (its `gateway_hold_seconds`).
SILENCE_SECONDS = 900.0
#: How long a connection is kept for the next call, in seconds; the gateway keeps it longer.
KEEP_ALIVE_SECONDS = 60.0
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)

#: Of one connection only (RFC 9110, 7.6.1), and what the other side's library says by itself.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "host",
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
#: Judged at the loopback port, or of no concern to the gateway.
_KEPT_BACK = frozenset(
    {
        "authorization",
        "cookie",
        "origin",
        "referer",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
    }
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """`base` is the gateway's address without a slash at its end."""

    base: str
    token: str

    def url(self, raw_path: str) -> URL:
        """Where a request goes, escapes and all as it came."""
        return URL(f"{self.base}/comfy{raw_path}", encoded=True)

    def socket_url(self, raw_path: str) -> URL:
        """The same for a WebSocket."""
        return URL(f"{self.base.replace('http', 'ws', 1)}/comfy{raw_path}", encoded=True)

    def request_headers(self, given: Iterable[tuple[str, str]], host: str) -> CIMultiDict[str]:
        """A request's headers for the gateway, with the token. `host` is what its client calls the loopback port."""
        headers = CIMultiDict((name, value) for name, value in given if name.lower() not in _HOP_BY_HOP | _KEPT_BACK)
        headers["Authorization"] = f"Bearer {self.token}"
        headers["Wakebrush-Base"] = f"http://{host}"
        return headers


def answer_headers(given: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """An answer's headers for the client."""
    return CIMultiDict((name, value) for name, value in given if name.lower() not in _HOP_BY_HOP)


def checked_base(url: str) -> str:
    """The gateway's address, normal. Raises SetupError for one that a token must not be sent to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SetupError(f"{url} is no address of a gateway. It looks like https://comfy.studio.example.")
    if parts.username or parts.path.startswith("/t/"):
        raise SetupError("The gateway's address must hold no token here: a link needs no `wakebrush connect`.")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SetupError(f"A token must not travel over an unprotected connection to {parts.hostname}. Use an https address.")
    return url.rstrip("/")
