"""A studio's proxy: the only way out, opens what is encrypted, and lets no WebSocket through."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import threading
from types import TracebackType

HOST = "studio.example"


class StrictProxy:
    """Answers CONNECT for HOST, shows its own certificate for it, and passes calls on to `target` (a port of this computer).

    `upgrades`: `pass`, `refuse` (403) or `swallow` (the connection ends). `login`: a name and a password that it asks for.
    """

    def __init__(self, target: int, tls: ssl.SSLContext, upgrades: str = "refuse", login: tuple[str, str] | None = None) -> None:
        self._target = target
        self._tls = tls
        self._upgrades = upgrades
        self._login = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> StrictProxy:
        self._spawn(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(timeout=10)
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return  # the test has ended
            self._open.append(here)
            self._spawn(self._serve, here)

    def _serve(self, here: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the caller went, or did not like the certificate
            head = _head(here)
            self.asked.append(head.split("\r\n")[0])
            if self._login and f"Proxy-Authorization: {self._login}" not in head:
                here.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                here.shutdown(socket.SHUT_RDWR)
                return
            here.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            inner = self._tls.wrap_socket(here, server_side=True)
            self._open.append(inner)
            self._pass_on(inner)

    def _pass_on(self, inner: socket.socket) -> None:
        head = _head(inner)
        self.asked.append(head.split("\r\n")[0])
        if re.search("(?i)upgrade: websocket", head) and self._upgrades != "pass":
            if self._upgrades == "refuse":
                inner.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nConnection: close\r\n\r\nforbidden")
            inner.shutdown(socket.SHUT_RDWR)
            return
        there = socket.create_connection(("127.0.0.1", self._target))
        self._open.append(there)
        there.sendall(head.encode("latin-1"))
        self._spawn(_pipe, there, inner)
        _pipe(inner, there)

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _head(source: socket.socket) -> str:
    """A request up to its empty line, and whatever of its body came along."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = source.recv(65536)
        if not more:
            raise OSError("the caller went")
        data += more
    return data.decode("latin-1")


def _pipe(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
