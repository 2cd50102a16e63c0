"""Collects what diagnostics.py makes a report of."""

from __future__ import annotations

import locale
import logging
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from ..client.profiles import Profiles
from ..client.proxy import parts, shown
from ..client.timings import Timing
from ..diagnostics import Facts, LogTail, kind_of, report
from ..qt import BINDING, QtCore
from ..version import API, VERSION

#: One for all sessions of this Krita.
TAIL = LogTail()
logging.getLogger("wakebrush").addHandler(TAIL)


def state(error: Exception | None) -> str:
    """A change of the connection, for the list of them."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return f"{moment} {'connected' if error is None else kind_of(error)}"


def of(profiles: Profiles, codes: Sequence[str], states: Iterable[str], timings: Sequence[Timing], host: str) -> str:
    """The report on a session. `codes`: what was typed to pair; `host`: what it runs in, like `Krita 5.2.9`."""
    versions = {
        "plugin": f"{VERSION} (API {API})",
        "host": host,
        "Python": sys.version.split()[0],
        "Qt": f"{QtCore.qVersion()} ({BINDING})",
        "system": platform.platform(),
        "language": ".".join(str(each) for each in locale.getlocale()),
    }
    services = []
    for each in profiles.all:
        use = "in use" if each == profiles.active else "not in use"
        token = "has a token" if profiles.token(each) else "has no token"
        way = {"": "as the system says", "none": "none"}.get(each.proxy, shown(each.proxy))
        where = shown(each.endpoint) or "this computer"
        services.append(f"{where}: {each.source}, {use}, {token}, proxy {way}, authority {each.authority or 'of the system'}")
    places = {"studio's settings": profiles.central.path} if profiles.central.path else {}
    proxies = [parts(each.proxy).auth for each in profiles.all if "@" in each.proxy]
    words = [word for auth in proxies if auth for word in auth]
    secrets = [*profiles.secrets(), *words, *codes]
    return report(Facts(versions, services, tuple(states), timings, tuple(TAIL.lines), places), secrets)
