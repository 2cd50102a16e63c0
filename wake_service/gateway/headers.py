"""What travels through the gateway's door beside bodies, and what stays outside."""

from __future__ import annotations

from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

#: Judged at the door, or of no concern to an engine: it gets no token (`Referer` may hold one) and no cookie. ComfyUI itself
#: would refuse some; `Sec-Fetch-Dest` stays, since `/view` decides by it what a browser may show.
_KEPT_OUTSIDE = frozenset(
    {
        b"authorization",
        b"cookie",
        b"forwarded",
        b"origin",
        b"proxy-authorization",
        b"referer",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-fetch-user",
        b"wakebrush-base",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)
#: What a node pack's answer might do to the gateway's whole origin, or tell others of addresses that hold tokens.
_NEVER_SAID = frozenset(
    {
        b"alt-svc",
        b"clear-site-data",
        b"nel",
        b"public-key-pins",
        b"report-to",
        b"reporting-endpoints",
        b"server",
        b"service-worker-allowed",
        b"set-cookie",
        b"strict-transport-security",
    }
)
_CORS = b"access-control-"
#: Said on every answer. The page may be framed only by itself; nobody else may embed what is here, or hear where it was linked.
ALWAYS: RawHeaders = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'self'; base-uri 'self'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_ALWAYS_NAMES = frozenset(name for name, _ in ALWAYS) - {b"content-security-policy"}  # two policies are both kept by browsers


def brought_in(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """A request's headers for the rooms behind."""
    return [(name, value) for name, value in headers if name.lower() not in _KEPT_OUTSIDE]


def sent_out(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """An answer's headers for the client."""
    mine = [(name, value) for name, value in headers if not _unsaid(name.lower())]
    return mine + ALWAYS


def _unsaid(name: bytes) -> bool:
    return name in _NEVER_SAID or name in _ALWAYS_NAMES or name.startswith(_CORS)
