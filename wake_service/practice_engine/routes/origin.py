"""Refuses what another web site sends through a visitor's browser, as ComfyUI does: an empty 403 before any routing."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler


@web.middleware
async def refuse_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 for cross-site requests, and for an Origin that differs from a loopback Host."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or _differs(
        request.headers.get("Host"), request.headers.get("Origin")
    ):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    return await handler(request)


def _differs(host: str | None, origin: str | None) -> bool:
    if not host or not origin:
        return False
    asked, sender = urlsplit("//" + host.lower()), urlsplit(origin.lower())
    if not _is_loopback(asked.hostname) or not sender.hostname:
        return False
    if asked.hostname != sender.hostname:
        return True
    try:
        return asked.port is not None and sender.port is not None and asked.port != sender.port
    except ValueError:
        return True


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or (host is not None and ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
