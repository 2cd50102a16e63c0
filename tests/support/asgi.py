"""Calls an ASGI application without a network, so that a test chooses where a call comes from and moves the clock."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.support.events import Envelope, Preview

DEADLINE = 15.0


@dataclass
class Answer:
    """What came back. `problem` is a problem document's members."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The stable code of an error."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        code: str = self.json["code"]
        return code


class Denied(Exception):
    """A WebSocket was answered with something else than an upgrade."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body!r}")
        self.answer = answer


class Closed(Exception):
    """The service closed the stream; `code` as in RFC 6455."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Caller:
    """Somebody with a token at some address."""

    def __init__(
        self, app: Any, token: str | None = None, *, client: tuple[str, int] | None = ("127.0.0.1", 50000), scheme: str = "http"
    ) -> None:
        self._app = app
        self.token = token
        self.client = client
        self.scheme = scheme

    def at(self, host: str | None, scheme: str = "http") -> Caller:
        """The same person at another address, or (None) over a connection without one."""
        return Caller(self._app, self.token, client=None if host is None else (host, 50000), scheme=scheme)

    def _scope(self, kind: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
        place, _, query = path.partition("?")
        given = {"host": "service", **({"authorization": f"Bearer {self.token}"} if self.token else {}), **headers}
        return {
            "type": kind,
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": self.scheme if kind == "http" else self.scheme.replace("http", "ws"),
            "path": unquote(place),
            "raw_path": place.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": self.client,
            "server": ("127.0.0.1", 7717),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """One call; `json=` sends an object."""
        if "json" in more:
            body = json.dumps(more["json"]).encode()
        answer, done = Answer(), asyncio.Event()
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if parts:
                return parts.pop()
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            _take(answer, message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                done.set()

        kind = {"content-type": "application/json"} if "json" in more else {}
        scope = self._scope("http", path, {"content-length": str(len(body)), **kind, **(headers or {})})
        async with asyncio.timeout(DEADLINE):
            try:
                await self._app({**scope, "method": method}, receive, send)
            except RuntimeError:
                if not done.is_set():  # else: what a server would log after it has answered 500
                    raise
        return answer

    async def connect(self, path: str = "/v1/events", headers: dict[str, str] | None = None) -> Stream:
        """Opens an event stream. Raises Denied."""
        stream = Stream(self._app, self._scope("websocket", path, headers or {}))
        await stream.opened()
        return stream


class Stream:
    """One WebSocket, from the client's side. `binaries` keeps binary frames aside."""

    def __init__(self, app: Any, scope: dict[str, Any]) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._outgoing.put_nowait({"type": "websocket.connect"})
        self._reads = asyncio.Event()
        self._reads.set()
        self._spoken = asyncio.Event()
        self._task = asyncio.create_task(app(scope, self._outgoing.get, self._send))
        self.seen: list[Envelope] = []
        self.binaries: list[bytes] = []

    @property
    def previews(self) -> list[Preview]:
        """The binary frames of an artist's event stream: a header's length, the header, the picture."""
        lengths = [struct.unpack(">I", data[:4])[0] for data in self.binaries]
        return [Preview(json.loads(d[4 : 4 + n]), d[4 + n :]) for n, d in zip(lengths, self.binaries, strict=True)]

    async def _send(self, message: dict[str, Any]) -> None:
        await self._reads.wait()
        self._incoming.put_nowait(message)
        if message["type"] != "websocket.accept":
            self._spoken.set()

    async def spoken_to(self) -> None:
        """Waits for the first message: from then on nothing that happens is before the stream's beginning."""
        await asyncio.wait_for(self._spoken.wait(), DEADLINE)

    async def opened(self) -> None:
        message = await self._message()
        if message["type"] == "websocket.accept":
            return
        answer = Answer()
        _take(answer, message)
        while not answer.body:
            _take(answer, await self._message())
        await self._task
        raise Denied(answer)

    def hold_back(self, held: bool) -> None:
        """While held back, nothing is read: the service's sends do not end."""
        if held:
            self._reads.clear()
        else:
            self._reads.set()

    def say(self, message: object) -> None:
        """Sends a message: JSON, or a text as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        self._outgoing.put_nowait({"type": "websocket.receive", "text": text})

    async def next(self) -> Envelope:
        """The next envelope. Raises Closed."""
        while True:
            message = await self._message()
            if message["type"] == "websocket.close":
                raise Closed(message["code"])
            if message.get("text") is not None:
                envelope: Envelope = json.loads(message["text"])
                self.seen.append(envelope)
                return envelope
            self.binaries.append(message["bytes"])

    async def until(self, wanted: Callable[[Envelope], bool]) -> Envelope:
        """Reads until an envelope for which `wanted` is true."""
        while not wanted(envelope := await self.next()):
            continue
        return envelope

    async def until_type(self, *types: str) -> Envelope:
        """Reads until an event of one of these types."""
        return await self.until(lambda envelope: envelope["type"] in types)

    async def until_closed(self) -> int:
        """Reads until the service closes; the code."""
        try:
            while True:
                await self.next()
        except Closed as closed:
            return closed.code

    async def close(self) -> None:
        """Leaves."""
        self.hold_back(False)
        self._outgoing.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, DEADLINE)

    async def _message(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._incoming.get(), DEADLINE)


def _take(answer: Answer, message: dict[str, Any]) -> None:
    if message["type"].endswith("http.response.start"):
        answer.status = message["status"]
        answer.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
    elif message["type"].endswith("http.response.body"):
        answer.body += message.get("body", b"")
