"""Where the service is and with which token, found without asking her when possible.

Asked in this order (docs/wire.md): the environment, the service that she has chosen, her studio's `wakebrush.json`, a service
that runs on this computer. A token is only ever sent to the endpoint it came with.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from ..i18n import tr
from . import proxy
from .errors import Insecure, NotFound, Refused, ServiceError
from .profiles import Profile


@dataclass(frozen=True)
class Connection:
    """An address (no trailing slash) and the token for it. `source`: `environment`, `settings`, `central` or `discovery`.

    `proxy`: the address to go through, '' for none; it may hold a password. `authority`: file of one beside the system's.
    `profile`: which of her services it is, whatever its address is today.
    """

    endpoint: str
    token: str = field(repr=False)
    source: str
    proxy: str = field(default="", repr=False)
    authority: str = ""
    profile: str = ""


class Choice(Protocol):
    """Which service is in use, and with which token."""

    @property
    def active(self) -> Profile: ...

    def token(self, profile: Profile) -> str: ...


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's data folder of Wakebrush, the same one the service uses. `WAKEBRUSH_DATA` overrides it."""
    if chosen := environ.get("WAKEBRUSH_DATA"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "wakebrush"


def resolve(
    profiles: Choice, environ: Mapping[str, str] = os.environ, system_proxy: Callable[[str], str] = lambda endpoint: ""
) -> Connection:
    """The connection to use now. `system_proxy`: the system's own proxy for an address, or ''.

    Raises NotFound, Refused (an address without a token), Insecure, or ServiceError (not an address, no proxy).
    """
    found = discover(data_folder(environ))
    chosen = profiles.active
    env_token = environ.get("KRITA_AI_TOKEN", "").strip()
    if address := environ.get("KRITA_AI_ENDPOINT", "").strip():
        connection = Connection(checked(address), env_token, "environment", chosen.proxy, chosen.authority, "environment")
    elif chosen.endpoint:
        token = profiles.token(chosen)
        connection = Connection(checked(chosen.endpoint), token, chosen.source, chosen.proxy, chosen.authority, chosen.id)
    elif found is not None:
        return Connection(found.endpoint, env_token or found.token, found.source, profile="local")
    else:
        raise NotFound
    token = connection.token
    if not token and found is not None and found.endpoint == connection.endpoint:
        token = found.token
    if not token:
        raise Refused(tr("There is no token for {endpoint}.", endpoint=connection.endpoint))
    way = proxy.choose(connection.proxy, connection.endpoint, environ, system_proxy)
    return replace(connection, token=token, proxy=way)


def discover(folder: Path) -> Connection | None:
    """The service that `wakebrush serve` announced in this folder, or None. An unreadable announcement counts as none."""
    try:
        announced = json.loads((folder / "endpoint.json").read_text(encoding="utf-8"))
        endpoint = checked(str(announced["endpoint"]))
        token = Path(str(announced["token_file"])).read_text(encoding="utf-8").strip()
    except (OSError, ValueError, KeyError, TypeError, ServiceError):
        return None
    return Connection(endpoint, token, "discovery")


def checked(address: str) -> str:
    """The address in its normal form. Raises Insecure for http off this computer, ServiceError for what is no address."""
    text = address.strip()
    if "://" not in text:
        text = ("http://" if is_loopback(urlsplit("//" + text).hostname or "") else "https://") + text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise ServiceError(
            tr("“{address}” is not the address of a service.", address=address),
            tr("It looks like https://wakebrush.example.com or http://127.0.0.1:7717."),
            code="invalid_endpoint",
            action="settings",
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise Insecure(text)
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name means this computer."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
