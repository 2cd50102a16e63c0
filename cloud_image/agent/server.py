"""The agent's local socket and the server on it."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from .app import App

#: Bytes of the longest message that is taken: a thousand prompt ids have forty thousand.
MAX_MESSAGE = 1_000_000
#: Seconds between two pings, and until one that is not answered ends the socket.
PING_SECONDS, PONG_SECONDS = 10.0, 15.0
#: Connections that the guard may have open here.
MOST_CONNECTIONS = 64
#: Seconds that an end waits for calls that are under way.
END_SECONDS = 3


class AgentServer(uvicorn.Server):
    """Serves until `should_exit` is set or a signal comes; calls `ready` when it listens."""

    def __init__(self, app: App, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PONG_SECONDS,
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=END_SECONDS,
        )
        super().__init__(config)
        self._ready = ready
        logging.getLogger("uvicorn.error").addFilter(_no_oversight)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _no_oversight(record: logging.LogRecord) -> bool:
    """uvicorn takes a refused upgrade for a forgotten one, and says so each time."""
    return "without completing handshake" not in record.msg


def listen(path: Path) -> socket.socket:
    """The agent's socket, which only its folder's group may connect to. Raises OSError."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listening.bind(str(path))
        path.chmod(0o660)
        # At once: who comes before the server is built waits instead of being turned away.
        listening.listen()
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


@contextmanager
def quiet_signals() -> Iterator[None]:
    """uvicorn repeats a signal to whoever was there before it, once it has ended by it: here that is nobody."""
    kinds = (signal.SIGTERM, signal.SIGINT)
    before: dict[signal.Signals, Any] = {kind: signal.signal(kind, _nothing) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _nothing(number: int, frame: Any) -> None:
    """A signal that has done its work already."""
