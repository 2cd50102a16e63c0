"""HTTP sessions that can be ended from outside: closing wakes every call that waits for the network."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any
from weakref import WeakSet

from .libraries import requests, urllib3


def tls_context() -> ssl.SSLContext:
    """Trusts what this computer trusts; requests adds certifi's list for systems without one of their own."""
    return ssl.create_default_context()


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


def new_session(sockets: Sockets) -> requests.Session:
    """A requests session (one per thread) whose sockets are known to `sockets`."""
    session = requests.Session()
    adapter = _Adapter(sockets)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._sockets)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=tls_context(), **kwargs)
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


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already, which is what was wanted
        connection.shutdown(socket.SHUT_RDWR)
