"""Whether a token may travel over a connection."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address


def is_private(scheme: str, client: str | None) -> bool:
    """Nobody on the way can read what travels: TLS, or it never leaves this computer. `client` is the caller's address."""
    return scheme in ("https", "wss") or is_loopback(client or "")


@lru_cache(1024)
def is_loopback(host: str) -> bool:
    """Whether an address is this computer's own; a name is not."""
    try:
        address = ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        return False
