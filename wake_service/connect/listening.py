"""Runs the loopback port until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable

from aiohttp import web

from wake_service.connect.port import Port
from wake_service.connect.upstream import Upstream, checked_base
from wake_service.errors import SetupError

#: How long open connections are waited for at the end, in seconds.
SHUTDOWN_SECONDS = 1.0


def run(url: str, token: str, port: int, tell: Callable[[str], None]) -> None:
    """Listens on 127.0.0.1, and returns after Ctrl+C or SIGTERM; `port` 0 lets the system choose. Raises SetupError."""
    base = checked_base(url)
    listener = _listen(port)
    port = listener.getsockname()[1]
    tell(f"ComfyUI clients on this computer find the gateway {base} at http://127.0.0.1:{port}. Ctrl+C ends it.")
    app = Port(Upstream(base, token), port).application()
    web.run_app(app, sock=listener, print=None, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        told = f"Cannot listen on 127.0.0.1:{port}: {error.strerror}. Is ComfyUI running here already? Choose another --port."
        raise SetupError(told) from error
