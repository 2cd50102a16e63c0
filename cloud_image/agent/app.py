"""The agent's routes below `/agent`, as an ASGI application: the guard before it has checked the token already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote

from .hub import Hub, Listener, SocketSlow
from .inputs import BadName, Inputs, OtherContent, TooLong
from .keeper import Keeper
from .wire import WIRE, WIRE_HEADER, json_text, text, version_mismatch

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[str, str], ...]

#: Sockets that may be open at once: a service, its successor, a reaper, an admin, and as many again.
MOST_SOCKETS = 16
#: Bytes of one piece of a file on its way out.
PIECE = 256 * 1024
#: Close codes of a WebSocket (RFC 6455, 7.4.1).
BAD_KIND, TRY_LATER, GOING_AWAY = 1003, 1013, 1001


class Gone(Exception):
    """The other side hung up in the middle of its body."""


class App:
    """The agent as seen from the guard."""

    def __init__(self, hub: Hub, inputs: Inputs, keeper: Keeper) -> None:
        self._hub = hub
        self._inputs = inputs
        self._keeper = keeper
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["method"], _parts(scope):
            case "PUT", ["agent", "inputs", name]:
                await self._take_input(name, receive, send)
            case "GET", ["agent", "results", prompt_id]:
                result = self._keeper.result(prompt_id)
                await (_problem(send, *_NOT_THERE) if result is None else _answer(send, 200, text(result)))
            case "GET", ["agent", "results", prompt_id, number] if number.isascii() and number.isdecimal() and len(number) < 6:
                await self._give_file(prompt_id, int(number), send)
            case "GET", ["agent"]:
                await _problem(send, *_upgrade(scope), headers=(*_VERSION, ("Upgrade", "websocket"), ("Connection", "Upgrade")))
            case _:
                await _problem(send, *_NOT_THERE)

    async def _take_input(self, name: str, receive: Receive, send: Send) -> None:
        try:
            taken = await self._inputs.put(name, _body(receive))
        except Gone:
            return
        except BadName as flaw:
            await _problem(send, 422, "bad_name", str(flaw))
        except OtherContent as flaw:
            await _problem(send, 409, "other_content", str(flaw))
        except TooLong as flaw:
            await _problem(send, 413, "too_large", str(flaw), headers=(("Connection", "close"),))
        except OSError as error:
            log.exception("An input picture could not be written")
            await _problem(send, 507, "disk", f"The machine could not write the picture: {error.strerror or error}.")
        else:
            await _answer(send, 201, json_text({"name": taken}))

    async def _give_file(self, prompt_id: str, number: int, send: Send) -> None:
        found = self._keeper.open(prompt_id, number)
        if found is None:
            await _problem(send, *_NOT_THERE)
            return
        fd, file = found
        try:
            await _start(send, 200, file.media_type, file.size)
            left = file.size
            while left:
                piece = os.read(fd, min(left, PIECE))
                if not piece:
                    raise OSError(f"{file.name} became shorter while it was sent")
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if not file.size:
                await send({"type": "http.response.body", "body": b""})
        finally:
            os.close(fd)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        refusal = _upgrade(scope)
        if _parts(scope) != ["agent"]:
            await _problem(send, *_NOT_THERE, kind="websocket.http.response")
        elif refusal[0] != 400:
            await _problem(send, *refusal, headers=_VERSION, kind="websocket.http.response")
        elif self._sockets >= MOST_SOCKETS:
            busy = 503, "too_many", f"This machine's agent has {MOST_SOCKETS} sockets open, and takes no more."
            await _problem(send, *busy, headers=(("Retry-After", "5"),), kind="websocket.http.response")
        else:
            await self._serve(receive, send)

    async def _serve(self, receive: Receive, send: Send) -> None:
        """One open socket, until either side ends it."""
        self._sockets += 1
        await send({"type": "websocket.accept", "headers": [(name.lower().encode(), value.encode()) for name, value in _VERSION]})
        listener = self._hub.attach()
        sending = asyncio.ensure_future(_send_all(listener, send))
        hearing = asyncio.ensure_future(self._hear_all(listener, receive))
        try:
            await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done() and not hearing.cancelled() and hearing.exception() is None and (code := hearing.result()):
                await send({"type": "websocket.close", "code": code})
        finally:
            self._sockets -= 1
            self._hub.detach(listener)
            sending.cancel()
            hearing.cancel()
            for ended in await asyncio.gather(sending, hearing, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, OSError):
                    log.error("A socket of the agent ended", exc_info=ended)

    async def _hear_all(self, listener: Listener, receive: Receive) -> int:
        """Obeys what comes; the code with which to close, 0 when the other side has closed."""
        while (message := await receive())["type"] == "websocket.receive":
            said = message.get("text")
            if said is None:
                return BAD_KIND
            try:
                await self._hub.hear(said, listener)
            except SocketSlow:
                return TRY_LATER
        return 0


async def _send_all(listener: Listener, send: Send) -> None:
    # uvicorn raises an OSError here once the other side is gone; the hearing half ends with it.
    with contextlib.suppress(OSError):
        while True:
            await send({"type": "websocket.send", "text": await listener.next()})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """A request's body as it comes. Raises Gone."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


_NOT_THERE = 404, "not_found", "This machine has nothing under that address."
_VERSION: Headers = ((WIRE_HEADER, str(WIRE)),)


def _upgrade(scope: Scope) -> tuple[int, str, str]:
    """Why no socket can be opened for this request; status 400 stands for nothing but the missing upgrade."""
    said = next((value.decode("latin-1") for name, value in scope["headers"] if name == WIRE_HEADER.lower().encode()), "")
    if said != str(WIRE):
        theirs = int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else None
        return 426, "other_version", version_mismatch(agent=WIRE, service=theirs)
    return 400, "no_socket", "This address is a WebSocket's."


def _parts(scope: Scope) -> list[str]:
    """The path's parts, each unquoted by itself: a quoted slash is part of a name."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return [unquote(part) for part in path.decode("latin-1").partition("?")[0].strip("/").split("/")]


async def _problem(
    send: Send, status: int, code: str, title: str, *, headers: Iterable[tuple[str, str]] = (), kind: str = "http.response"
) -> None:
    """A problem document (RFC 9457) with a sentence."""
    body = {"type": f"urn:wakebrush:error:{code}", "title": title, "status": status, "code": code}
    await _answer(send, status, json.dumps(body), "application/problem+json", headers, kind)


async def _answer(
    send: Send,
    status: int,
    body: str,
    media_type: str = "application/json",
    headers: Iterable[tuple[str, str]] = (),
    kind: str = "http.response",
) -> None:
    data = body.encode()
    await _start(send, status, media_type, len(data), headers, kind)
    await send({"type": f"{kind}.body", "body": data, "more_body": False})


async def _start(
    send: Send, status: int, media_type: str, size: int, headers: Iterable[tuple[str, str]] = (), kind: str = "http.response"
) -> None:
    all_headers = (("Content-Type", media_type), ("Content-Length", str(size)), *headers)
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in all_headers]
    await send({"type": f"{kind}.start", "status": status, "headers": encoded})
