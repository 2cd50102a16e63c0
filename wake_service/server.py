"""Runs the service: one uvicorn server, and the files by which this computer's programs find it."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import uvicorn

from wake_service import __version__
from wake_service.api.application import create_app
from wake_service.app import Service
from wake_service.errors import SetupError
from wake_service.settings import Settings

log = logging.getLogger(__name__)

#: Server-side keep-alive of event streams (docs/wire.md), in seconds.
PING_SECONDS = 20.0
#: How long one thread may keep the interpreter when another wants it, in seconds. The store's writer asks for it after every
#: statement; with Python's default of 5 ms it waits longer for that than for the disk (docs/performance.md).
SWITCH_SECONDS = 0.0005


def serve(settings: Settings, announce: Callable[[str], None] | None = None) -> None:
    """Runs until it is told to stop. Raises SetupError when it cannot start."""
    sys.setswitchinterval(SWITCH_SECONDS)
    service = Service(settings)
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    endpoint = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    discovery = Discovery(settings.data, endpoint)

    async def on_ready() -> None:
        await discovery.publish(service)
        log.info("Listening on %s, data in %s", endpoint, settings.data)
        if announce is not None:
            announce(orjson.dumps(discovery.facts()).decode())

    config = uvicorn.Config(
        create_app(service, on_ready),
        log_config=None,
        access_log=False,
        server_header=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    finally:
        discovery.withdraw()
    if not server.started:
        raise SetupError("The service could not start; the log above says why.")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Is another wake service running? "
            "Choose another --port."
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener


class Discovery:
    """`endpoint.json` and `token` in the data folder, readable by the user only (docs/wire.md)."""

    def __init__(self, data: Path, endpoint: str) -> None:
        self._endpoint = endpoint
        self._file = data / "endpoint.json"
        self._token_file = data / "token"

    def facts(self) -> dict[str, object]:
        """What a program on this computer needs to know."""
        return {
            "endpoint": self._endpoint,
            "token_file": str(self._token_file),
            "pid": os.getpid(),
            "version": __version__,
        }

    async def publish(self, service: Service) -> None:
        """Writes both files; a token that still works is kept."""
        secret = self._token_file.read_text().strip() if self._token_file.exists() else ""
        if not secret or await service.identify(secret) is None:
            write_private(self._token_file, await service.issue_local_token() + "\n")
        write_private(self._file, orjson.dumps(self.facts()).decode() + "\n")

    def withdraw(self) -> None:
        """Takes the announcement away; the token stays."""
        self._file.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, all of it or nothing."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def set_up_logging(level: str) -> None:
    """One line per event on standard error, where journald and the launcher expect it."""
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
