"""HTTP sessions that can be ended from outside: closing wakes every call that waits for the network."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from . import certificates
from .config import Connection
from .errors import ProxyRefused, Unreachable, Untrusted
from .libraries import requests, urllib3, websocket
from .proxy import shown


class Sockets:
    """The sockets in use, so that `shut` can end them all. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self.closed = False

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
            closed = self.closed
        if closed:
            _shut(connection)

    def shut(self) -> None:
        """Ends every call under way; calls that start later end at once."""
        with self._lock:
            self.closed = True
            connections = list(self._open)
        for connection in connections:
            _shut(connection)


def new_session(sockets: Sockets, connection: Connection) -> requests.Session:
    """A requests session (one per thread) whose sockets are known to `sockets`.

    It takes nothing from the environment: a line in .netrc would replace the token, and the proxy is chosen already. Raises
    ServiceError where the connection's authority cannot be used.
    """
    session = requests.Session()
    session.trust_env = False
    if connection.proxy:
        session.proxies = {"https": connection.proxy}
    adapter = _Adapter(sockets, certificates.context(connection.authority))
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, sockets: Sockets, tls: ssl.SSLContext) -> None:
        self._sockets = sockets
        self._tls = tls
        super().__init__()

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context judges; requests would add certifi's list to it."""
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._sockets)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._sockets)
        return manager


def _pools(sockets: Sockets) -> dict[str, type]:
    class Connection(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class SecureConnection(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


def broken(connection: Connection, error: Exception) -> Unreachable:
    """What it means that a call ended with an error of the libraries. Its `detail` bears no password."""
    detail = str(error).replace(connection.proxy, shown(connection.proxy)) if connection.proxy else str(error)
    causes = list(_causes(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(each) for each in causes):
        return Untrusted(connection.endpoint, detail)
    refused = (requests.exceptions.ProxyError, websocket.WebSocketProxyException)
    if connection.proxy and any(isinstance(each, refused) for each in causes):
        return ProxyRefused(shown(connection.proxy), detail)
    return Unreachable(connection.endpoint, detail)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it was raised because of."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.append(each)
            yield each
            told = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
            waiting += [because for because in told if isinstance(because, BaseException)]


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already, which is what was wanted
        connection.shutdown(socket.SHUT_RDWR)
