"""Whether a browser sends a request on behalf of another site. ComfyUI's own judgement is blind behind a gateway.

A request of a page that came from here says so (`Sec-Fetch-Site: same-origin`, an `Origin` that is ours); one that a person
made by hand says `none`; programs that are no browsers say nothing. All others are of a page from elsewhere, and are refused;
only ComfyUI's page itself may be opened from anywhere, for a link is meant to be clicked. Pages of this host on other ports
are elsewhere too, although browsers call them the same site.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_PAGE = ("", "/")


def is_foreign(headers: Headers, method: str | None, path: str, own_hosts: frozenset[str]) -> bool:
    """Whether to refuse it. `method` is None for a WebSocket; `path` has no prefix; `own_hosts` as `authority` gives them."""
    site = headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        opened = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
        if not (opened and method in ("GET", "HEAD") and path in _PAGE):
            return True
    origin = headers.get("origin")
    if origin is None:
        return False
    if origin == "null":  # what a page of ours sends too, where Referrer-Policy keeps its origin back
        return site != "same-origin"
    return authority(origin) not in own_hosts


def authority(url: str) -> str | None:
    """Host and port of an address: `comfy.studio.example:443`; None if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.hostname}:{port}" if parts.hostname and port else None


def own_hosts(scheme: str, host: str | None, public_url: str | None) -> frozenset[str]:
    """Hosts of which pages are ours: the one that the request was sent to, and the one that is said in the settings.

    A proxy may end TLS and say nothing of it: without a port, the host stands for both of them.
    """
    urls = [public_url] if public_url else []
    if host:
        schemes = {scheme, "http", "https"} if urlsplit(f"//{host}").netloc.rpartition("]")[2].count(":") == 0 else {scheme}
        urls += [f"{scheme}://{host}" for scheme in sorted(schemes)]
    return frozenset(found for url in urls if (found := authority(url)))
