"""Runs the service: a server for its own wire, one for the gateway, and the files by which this computer's programs find them."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import uvicorn

from wake_service import __version__
from wake_service.accounts import tokens
from wake_service.api.application import create_app
from wake_service.app import Service
from wake_service.errors import SetupError
from wake_service.gateway.application import create_gateway
from wake_service.gateway.listener import GatewayServer, gateway_server
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
    listener = _listen(settings.host, settings.port, "--port")
    gateway_listener = _listen(settings.gateway_host or settings.host, settings.gateway_port, "--gateway-port")
    gateway = gateway_server(create_gateway(service), gateway_listener, settings.trusted_proxies)
    service.gateway_url = settings.gateway_url or _url(gateway_listener)
    discovery = Discovery(settings.data, _url(listener), _url(gateway_listener))

    async def on_ready() -> None:
        await gateway.start(on_failure=server.end)
        await discovery.publish(service)
        log.info("Listening on %s, for ComfyUI clients on %s, data in %s", *discovery.endpoints, settings.data)
        if announce is not None:
            announce(orjson.dumps(discovery.facts()).decode())

    config = uvicorn.Config(
        create_app(service, on_ready, gateway.end),
        log_config=None,
        access_log=False,
        server_header=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=3,
    )
    server = MainServer(config, gateway, discovery.withdraw)
    try:
        server.run(sockets=[listener])
    finally:
        discovery.withdraw()
        gateway_listener.close()
    if not server.started:
        raise SetupError("The service could not start; the log above says why.")


class MainServer(uvicorn.Server):
    """The service's own server; with its end that of the gateway's begins.

    `withdraw` is called then too: uvicorn ends the process by the signal that it was sent, and nothing behind that is run.
    """

    def __init__(self, config: uvicorn.Config, gateway: GatewayServer, withdraw: Callable[[], None]) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._withdraw = withdraw

    def end(self) -> None:
        """Begins to end as if a signal had said so."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._withdraw()
        self._gateway.begin_to_end()
        await super().shutdown(sockets)


def _listen(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Is another wake service running? Choose another {option}."
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def _url(listener: socket.socket) -> str:
    """Where it is reached on this computer; elsewhere it has a name, which only its admin knows."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Discovery:
    """`endpoint.json` and `token` in the data folder, readable by the user only (docs/wire.md)."""

    def __init__(self, data: Path, endpoint: str, gateway: str) -> None:
        self.endpoints = endpoint, gateway
        self._file = data / "endpoint.json"
        self._token_file = data / "token"

    def facts(self) -> dict[str, object]:
        """What a program on this computer needs to know."""
        return {
            "endpoint": self.endpoints[0],
            "gateway": self.endpoints[1],
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


#: What this service's tokens look like (accounts/tokens.py).
_SECRET = re.compile(re.escape(tokens.PREFIX) + r"[A-Za-z0-9_-]{16,}")


class Discreet(logging.Formatter):
    """Leaves tokens out of whatever is logged, by whomever: an address of the gateway may hold one."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub(tokens.PREFIX + "…", super().format(record))


def set_up_logging(level: str) -> None:
    """One line per event on standard error, where journald and the launcher expect it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, logging.getLogger().level))  # at debug it tells whole requests
