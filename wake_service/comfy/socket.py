"""The engine's WebSocket as a stream of typed events.

An engine serves one socket per client id. If a second one is opened while the first still stands, the end of the
first takes the second off the engine's list, and the second stays silent for good. So the old one is closed fully,
the other side's answer included, before the new one is opened; `EngineSocket.open` sees to it.

An engine sends to all its clients in turn: one that does not read stalls the others. So a task of its own reads all
the time, whatever the consumer does.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from types import TracebackType
from urllib.parse import quote

import aiohttp
import orjson

from wake_service.errors import EngineError, EngineUnreachable

from .client import UNAVAILABLE, EngineClient, named
from .events import Executing, ExecutionStart, Preview, WireEvent, decode_binary, decode_text

#: Previews that may wait for the consumer; beyond that the oldest goes. Newer ones say more.
WAITING_PREVIEWS = 4

_FLAGS = orjson.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}).decode()


#: Previews are JPEG; what comes as PNG is what a graph makes, and is never left out.
_PREVIEW_TYPE = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as it was understood and as it came. `prompt_id`: of which prompt it tells, as far as can be known."""

    event: WireEvent
    raw: str | bytes
    prompt_id: str | None


class EventBuffer:
    """Events in order, without bound, except that of the previews only the newest wait."""

    def __init__(self, previews: int = WAITING_PREVIEWS) -> None:
        self._limit = previews
        self._events: OrderedDict[int, Heard] = OrderedDict()
        self._previews: deque[int] = deque()
        self._next = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._error: EngineUnreachable | None = None

    def put(self, heard: Heard) -> None:
        """Adds an event; never waits."""
        self._events[self._next] = heard
        if isinstance(heard.event, Preview) and heard.event.media_type == _PREVIEW_TYPE:
            self._previews.append(self._next)
            if len(self._previews) > self._limit:
                del self._events[self._previews.popleft()]
        self._next += 1
        self._changed.set()

    def end(self, error: EngineUnreachable | None = None) -> None:
        """Nothing more comes; what is there can still be taken, then `error` is raised. The first end counts."""
        if not self._ended:
            self._ended, self._error = True, error
        self._changed.set()

    async def take(self) -> Heard | None:
        """The next event; None at an end without error."""
        while not self._events:
            if self._ended:
                if self._error:
                    raise self._error
                return None
            self._changed.clear()
            await self._changed.wait()
        number, heard = self._events.popitem(last=False)
        if self._previews and self._previews[0] == number:
            self._previews.popleft()
        return heard


class EngineSocket:
    """Events of one client id, from `open` until the connection ends.

    `async for event in socket` gives wire events in order, `heard` gives them with their frames. It ends when we close the
    socket and raises EngineUnreachable when the connection broke, also when the other side vanished without a word (heartbeat).
    It does not connect again by itself: what was missed is not repeated, so whoever uses it has to look into
    the engine's queue and history first.
    """

    def __init__(self, client: EngineClient, client_id: str) -> None:
        self.client_id = client_id
        self._client = client
        self._buffer = EventBuffer()
        self._connection: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._executing = Executing(None, None)
        self._running: str | None = None

    async def open(self) -> None:
        """Connects, after closing what this client id had open, and says what we understand."""
        former = self._client.sockets.get(self.client_id)
        if former is not None:
            await former.close()
        self._client.sockets[self.client_id] = self
        timeouts = self._client.timeouts
        try:
            async with asyncio.timeout(timeouts.answer):
                self._connection = await self._client.session.ws_connect(
                    f"{self._client.base_url}/ws?clientId={quote(self.client_id, safe='')}",
                    headers=self._client.headers,
                    heartbeat=timeouts.heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=timeouts.connect),
                    max_msg_size=0,
                )
                await self._connection.send_str(_FLAGS)
        except aiohttp.WSServerHandshakeError as refused:
            await self.close()
            raise self._refusal(refused.status) from None  # its own text holds our headers, and so the token
        except (aiohttp.ClientError, OSError) as broken:
            await self.close()
            raise EngineUnreachable(
                f"The engine at {self._client.base_url} cannot be reached for events: {named(broken)}."
            ) from broken
        self._reader = asyncio.create_task(self._read(self._connection), name=f"engine socket {self.client_id}")

    async def close(self) -> None:
        """Closes fully: returns once the other side has answered, or has had its time to. Safe to repeat."""
        if self._client.sockets.get(self.client_id) is self:
            del self._client.sockets[self.client_id]
        self._buffer.end()
        if self._connection is not None:
            await self._connection.close()
        if self._reader is not None:
            await self._reader

    async def __aenter__(self) -> EngineSocket:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[WireEvent]:
        async for heard in self.heard():
            yield heard.event

    async def heard(self) -> AsyncIterator[Heard]:
        """The same with each event's frame."""
        while (heard := await self._buffer.take()) is not None:
            yield heard

    async def _read(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        """Takes everything off the wire as it comes."""
        reason = "the other side closed it"
        try:
            while True:
                message = await connection.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._keep(decode_text(message.data), message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    self._keep(decode_binary(message.data), message.data)
                else:
                    broken = connection.exception()
                    if broken is not None:
                        reason = named(broken)
                    return
        finally:
            self._buffer.end(EngineUnreachable(f"The connection to the engine at {self._client.base_url} broke: {reason}."))

    def _keep(self, event: WireEvent, raw: str | bytes) -> None:
        """A preview without a name is of the node that was last said to execute; what names no prompt, of the one that runs."""
        if isinstance(event, ExecutionStart):
            self._running = event.prompt_id
        elif isinstance(event, Executing):
            self._executing = event
        elif isinstance(event, Preview) and event.prompt_id is None:
            event = replace(event, prompt_id=self._executing.prompt_id, node=self._executing.node)
        prompt_id = getattr(event, "prompt_id", None) or self._running
        self._buffer.put(Heard(event, raw, prompt_id))
        if isinstance(event, Executing) and event.node is None and event.prompt_id == self._running:
            self._running = None

    def _refusal(self, status: int) -> EngineError:
        if status in UNAVAILABLE:
            return EngineUnreachable(f"The engine at {self._client.base_url} takes no connection at the moment ({status}).")
        return EngineError(f"The engine at {self._client.base_url} refused the connection for events ({status}).")
