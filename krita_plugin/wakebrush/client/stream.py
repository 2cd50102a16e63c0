"""The artist's event stream: one thread that stays connected, resumes where it was, and can be stopped at once.

WebSocket first; when something between Krita and the service refuses the upgrade, the long-poll twin carries the same events.
"""

from __future__ import annotations

import contextlib
import json
import random
import struct
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from ..version import CLIENT_HEADER
from . import certificates, proxy
from .config import Connection, is_loopback
from .errors import Incompatible, Insecure, Problem, Refused, ServiceError, Stopped, Unreachable, from_answer
from .libraries import websocket
from .service import Service, check_version
from .transport import Sockets, broken

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 50.0  # the service pings every 20 s; two missed pings mean that nobody is there
POLL_SECONDS = 25
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0  # seconds between attempts, doubled each time
NEARBY_PAUSE = 2.0  # the longest pause for a service on this computer: asking costs nothing


class Listener(Protocol):
    """Who hears the stream. Called from the stream's thread; must return quickly."""

    def connected(self, connection: Connection) -> None:
        """The stream is up; a snapshot or what was missed follows."""

    def disconnected(self, error: ServiceError) -> None:
        """The stream is down; it goes on trying by itself."""

    def event(self, envelope: dict[str, Any]) -> None:
        """One envelope of docs/wire.md, in order, each durable one once."""

    def preview(self, header: dict[str, Any], image: bytes) -> None:
        """A picture in the making."""


class EventStream:
    """Keeps one stream alive. `resolve` is asked before every attempt, so a changed address or token is picked up."""

    def __init__(
        self,
        resolve: Callable[[], Connection],
        listener: Listener,
        *,
        jitter: Callable[[], float] = random.random,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._resolve = resolve
        self._listener = listener
        self._jitter = jitter
        self._first_pause = first_pause
        self._stopping = threading.Event()
        self._retry_now = threading.Event()
        self._sockets = Sockets()
        self._service: Service | None = None
        self._position: dict[str, str] = {}
        self._endpoint = ""
        self._thread = threading.Thread(target=self._run, name="wakebrush-events", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def retry_now(self) -> None:
        """Tries again without waiting, for example after the settings changed."""
        self._retry_now.set()

    def reconnect(self) -> None:
        """Drops the present connection and resolves anew."""
        old, self._sockets = self._sockets, Sockets()
        self._retry_now.set()
        old.shut()
        if self._service is not None:
            self._service.close()

    def stop(self) -> None:
        """Asks the thread to end and wakes it from whatever it waits for; `join` waits for it."""
        self._stopping.set()
        self.reconnect()
        self._sockets.shut()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within `timeout` seconds."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause = self._first_pause
        while not self._stopping.is_set():
            self._retry_now.clear()
            before = dict(self._position)
            try:
                self._attend()
            except ServiceError as error:
                if self._stopping.is_set():
                    return
                if not isinstance(error, Stopped):
                    self._listener.disconnected(error)
            if self._position != before:
                pause = self._first_pause
            self._retry_now.wait(pause * (0.5 + self._jitter() / 2))
            pause = min(pause * 2, LONGEST_PAUSE if self._is_far() else NEARBY_PAUSE)

    def _is_far(self) -> bool:
        return bool(self._endpoint) and not is_loopback(urlsplit(self._endpoint).hostname or "")

    def _attend(self) -> None:
        """Connects and listens until the connection ends, which raises."""
        connection = self._resolve()
        if connection.endpoint != self._endpoint:
            self._endpoint, self._position = connection.endpoint, {}
        try:
            self._listen(connection, self._sockets)
        except _UpgradeRefused:
            self._poll(connection)

    def _listen(self, connection: Connection, sockets: Sockets) -> None:
        socket = self._open(connection, sockets)
        try:
            check_version((socket.headers or {}).get("wakebrush-service"))
            self._listener.connected(connection)
            while True:
                opcode, payload = socket.recv_data()
                if opcode == websocket.ABNF.OPCODE_TEXT:
                    self._take(json.loads(payload))
                elif opcode == websocket.ABNF.OPCODE_BINARY:
                    self._listener.preview(*split_preview(payload))
                elif opcode == websocket.ABNF.OPCODE_CLOSE:
                    raise Unreachable(connection.endpoint, "the service closed the stream")
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise self._broken(connection, error) from error
        finally:
            with contextlib.suppress(websocket.WebSocketException, OSError):
                socket.shutdown()

    def _open(self, connection: Connection, sockets: Sockets) -> Any:
        way = proxy.parts(connection.proxy) if connection.proxy else None
        if way is not None and way.secure:
            raise _UpgradeRefused  # the library cannot speak to a proxy over TLS; the long poll can
        address = "ws" + connection.endpoint[len("http") :] + "/v1/events"
        if self._position:
            address += "?" + urlencode(self._position)
        try:
            socket = websocket.create_connection(
                address,
                timeout=CONNECT_SECONDS,
                class_=partial(_KnownWebSocket, sockets),
                header=[f"Authorization: Bearer {connection.token}", f"Wakebrush-Client: {CLIENT_HEADER}"],
                suppress_origin=True,
                sslopt={"context": certificates.context(connection.authority)} if address.startswith("wss") else None,
                redirect_limit=0,
                **_through(way),
            )
        except websocket.WebSocketBadStatusException as error:
            raise _refusal(error) from error
        except (websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException) as error:
            if self._stopping.is_set() or sockets.closed:
                raise Stopped from error
            raise _UpgradeRefused from error  # something on the way swallows upgrades; if all is down, the long poll will tell
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise self._broken(connection, error) from error
        socket.settimeout(SILENCE_SECONDS)
        return socket

    def _poll(self, connection: Connection) -> None:
        service = self._service = Service(connection)
        answer = service.poll(self._position, 0)
        self._listener.connected(connection)
        while True:
            for envelope in answer["events"]:
                self._take(envelope)
            for machine in answer.get("machines") or ():
                self._listener.event({"type": "machine.changed", "seq": None, "data": {"machine": machine}})
            for envelope in answer.get("progress") or ():
                self._listener.event(envelope)
            self._position = {"after": str(answer["seq"]), "stream": str(answer["stream"])}
            if self._stopping.is_set():
                raise Stopped
            answer = service.poll(self._position, POLL_SECONDS)

    def _take(self, envelope: dict[str, Any]) -> None:
        seq = envelope.get("seq")
        if envelope["type"] == "snapshot":
            self._position = {}
            seq = envelope["data"]["seq"]
        elif seq is not None and self._position and int(seq) <= int(self._position["after"]):
            return
        self._listener.event(envelope)
        if seq is not None:
            self._position = {"after": str(seq), "stream": str(envelope["stream"])}

    def _broken(self, connection: Connection, error: Exception) -> ServiceError:
        return Stopped() if self._stopping.is_set() else broken(connection, error)


class _KnownWebSocket(websocket.WebSocket):
    """A WebSocket whose connection can be ended from outside from its first byte on."""

    def __init__(self, sockets: Sockets, **options: Any) -> None:
        self._sockets = sockets
        super().__init__(**options)

    @property
    def sock(self) -> Any:
        return self._sock

    @sock.setter
    def sock(self, connection: Any) -> None:
        self._sock = connection
        if connection is not None:
            self._sockets.add(connection)


def _through(way: proxy.Parts | None) -> dict[str, Any]:
    """The proxy as websocket-client takes it. It looks into the environment unless it is told both of a proxy and of what needs
    none, so it is told of one for nothing, or for everything."""
    if way is None:
        return {"http_proxy_host": "none", "http_proxy_port": 1, "http_no_proxy": ["*"]}
    given = {"http_proxy_host": way.host, "http_proxy_port": way.port, "http_proxy_auth": way.auth}
    return {**given, "http_no_proxy": ["nothing.invalid"], "http_proxy_timeout": CONNECT_SECONDS, "proxy_type": "http"}


class _UpgradeRefused(Exception):
    """Something answered the WebSocket upgrade with plain HTTP."""


def _refusal(error: Any) -> Exception:
    """What an answer to the upgrade other than 101 means: the service's own refusal, or a proxy that forbids upgrades."""
    try:
        body = json.loads(error.resp_body or b"")
    except ValueError:
        body = None
    headers = error.resp_headers or {}
    known = from_answer(error.status_code, body, headers.get("wakebrush-service", ""))
    if isinstance(known, (Refused, Incompatible, Insecure)):
        return known
    if isinstance(known, Problem) and isinstance(body, dict) and "code" in body and error.status_code not in (404, 405):
        return known
    return _UpgradeRefused()


def split_preview(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the image of a binary frame. Raises ValueError for anything else."""
    if len(frame) < 4:
        raise ValueError("a preview frame is longer than this")
    (length,) = struct.unpack_from(">I", frame)
    if len(frame) < 4 + length:
        raise ValueError("a preview frame ends inside its header")
    header = json.loads(frame[4 : 4 + length])
    if not isinstance(header, dict):
        raise ValueError("a preview frame's header is an object")
    return header, frame[4 + length :]
