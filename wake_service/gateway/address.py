"""By which address somebody came to the gateway, and what is left of it for the rooms behind."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: A token in the path is taken literally: one that hides in escapes is none, or it would pass what keeps tokens out of logs.
_LINK = re.compile(r"(/t/([A-Za-z0-9_-]{1,200}))(?=/|$)")
_HEADER = re.compile(r"(/comfy)(?=/|$)")
_OURS = re.compile(r"/(?:api/v2|eas)(?=/|$)")
_API = re.compile(r"/api(?=/|$)")


@dataclass(frozen=True, slots=True)
class Address:
    """`/t/TOKEN/api/view` is `prefix` `/t/TOKEN`, `token` `TOKEN`, `path` `/view`, `under_api`. Paths are raw: escapes stay."""

    prefix: str
    token: str | None
    path: str
    under_api: bool


def parse(raw_path: str) -> Address | None:
    """None for what leads nowhere."""
    if link := _LINK.match(raw_path):
        return _inner(link[1], link[2], raw_path)
    if header := _HEADER.match(raw_path):
        return _inner(header[1], None, raw_path)
    return _inner("", None, raw_path) if _OURS.match(raw_path) else None


def _inner(prefix: str, token: str | None, raw_path: str) -> Address:
    rest = raw_path[len(prefix) :]
    api = _API.match(rest)
    return Address(prefix, token, rest[len(api[0]) :] if api else rest, api is not None)


def unsaid(raw_path: str) -> str:
    """A path that leads nowhere, without what might be a token, for the server's own log."""
    return "/t/" if raw_path.startswith("/t/") else raw_path
