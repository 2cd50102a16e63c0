"""Through which HTTP proxy a service is reached: her setting, the environment, the system's own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from ..i18n import tr
from .errors import ServiceError

#: Settings beside an address: what environment and system say, or none at all.
AUTOMATIC, NONE = "", "none"
_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@dataclass(frozen=True)
class Parts:
    """A proxy's address in the pieces that libraries ask for. `secure`: it is spoken to over TLS itself."""

    host: str
    port: int
    auth: tuple[str, str] | None = field(default=None, repr=False)
    secure: bool = False


def choose(setting: str, endpoint: str, environ: Mapping[str, str], system: Callable[[str], str]) -> str:
    """The proxy for an endpoint, '' for none. Nothing on this computer is reached through one. Raises ServiceError."""
    target = urlsplit(endpoint)
    host = target.hostname or ""
    if target.scheme == "http" or setting == NONE:  # plain http is spoken on this computer only
        return ""
    if setting:
        return checked(setting)
    if not _needs_none(host, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        named = next((value for name in _VARIABLES if (value := environ.get(name, "").strip())), "")
        if named:
            return checked(named)
        if said := system(endpoint):
            return checked(said)
    return ""


def _needs_none(host: str, exceptions: str) -> bool:
    """Whether `no_proxy` (names, domains, addresses and networks, separated by commas) speaks of a host."""
    for each in exceptions.lower().replace(" ", "").split(","):
        name = each.removeprefix("*").removeprefix(".")
        if each == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        try:
            if ip_address(host) in ip_network(each, strict=False):
                return True
        except ValueError:
            continue  # one of them is a name
    return False


def checked(address: str) -> str:
    """A proxy's address in its normal form. Raises ServiceError for what is none, or of a kind that cannot be used."""
    text = address.strip()
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise ServiceError(
            tr("“{address}” is not the address of a proxy that can be used.", address=shown(text)),
            tr("It looks like http://proxy.example.com:3128. Others than HTTP proxies are not supported."),
            code="invalid_proxy",
            action="settings",
        )
    if port is None:
        text = f"{parts.scheme}://{parts.netloc}:{443 if parts.scheme == 'https' else 80}"
    return text.rstrip("/")


def parts(address: str) -> Parts:
    """The pieces of an address that `checked` gave."""
    split = urlsplit(address)
    auth = (unquote(split.username), unquote(split.password or "")) if split.username else None
    return Parts(split.hostname or "", split.port or 80, auth, split.scheme == "https")


def shown(address: str) -> str:
    """The address without name and password."""
    scheme, separator, rest = address.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]
