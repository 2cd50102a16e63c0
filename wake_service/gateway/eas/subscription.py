"""`/eas/subscribe`: results over a WebSocket, so many at a time, each until it is acknowledged."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from wake_service.clock import Clock, within
from wake_service.errors import StorageError
from wake_service.gateway.doorway import GatewayVisit, painting, visit_of
from wake_service.gateway.eas.parcels import pack
from wake_service.gateway.eas.wishes import Wish
from wake_service.workflows.delivery import DeliveryId, Task

log = logging.getLogger(__name__)

#: Acknowledgements in one message at most, and letters of it.
MOST_ACKNOWLEDGED, LONGEST_MESSAGE = 1000, 100_000
#: How long to wait when the store is out of order, in seconds.
_STORE_PAUSE = 2.0
#: How long one look for results lasts, in seconds; then comes the next.
_LOOK_SECONDS = 3600.0
_HELP = 'Say {"type": "ack", "delivery_id": "…"} or {"type": "ack", "delivery_ids": ["…"]}.'


class Hands:
    """What one subscriber has and has not acknowledged: so many at most."""

    def __init__(self, window: int, clock: Clock) -> None:
        self._window = window
        self._clock = clock
        self._held: dict[DeliveryId, float] = {}
        self._changed = asyncio.Event()

    def hold(self, task: Task) -> None:
        """One more, until its time is over."""
        self._held[DeliveryId.latest(task)] = task.redeliver_at or 0.0

    def let_go(self, which: DeliveryId) -> None:
        """One less."""
        self._held.pop(which, None)
        self._changed.set()

    def all(self) -> list[DeliveryId]:
        """Everything that is still in them."""
        return list(self._held)

    async def room(self) -> int:
        """For how many more there is room, as soon as there is any: what is acknowledged makes some, and what took too long."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            self._held = {which: until for which, until in self._held.items() if until > now}
            if len(self._held) < self._window:
                return self._window - len(self._held)
            try:
                await within(self._clock, min(self._held.values()) - now, self._changed.wait())
            except TimeoutError:
                log.debug("a subscriber has not acknowledged a result in time")


async def subscribe(socket: WebSocket) -> None:
    """Hands results to one subscriber until it goes; what it has not acknowledged then goes to the next at once."""
    visit = visit_of(socket)
    painting(visit)
    wish = Wish.read(socket.query_params, "window")
    hands = Hands(wish.most, visit.service.clock)
    await socket.accept()
    handing = asyncio.create_task(_hand_out(socket, visit, wish, hands))
    hearing = asyncio.create_task(_hear(socket, visit, hands))
    try:
        await asyncio.wait([handing, hearing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (handing, hearing):
            task.cancel()
        outcomes = await asyncio.gather(handing, hearing, return_exceptions=True)
        await visit.service.workflows.sink.give_back(visit.who.artist_id, hands.all())
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
            raise outcome


async def _hand_out(socket: WebSocket, visit: GatewayVisit, wish: Wish, hands: Hands) -> None:
    sink = visit.service.workflows.sink
    while True:
        most = await hands.room()
        try:
            taken = await sink.take(visit.who.artist_id, most, _LOOK_SECONDS, wish.visibility, wish.task_id)
            parcels = await pack(visit, taken, wish.inline)
        except StorageError as error:
            log.error("Results cannot be read at the moment: %s", error)
            await visit.service.clock.sleep(_STORE_PAUSE)
            continue
        for task in taken:
            hands.hold(task)
        for parcel in parcels:
            await _send(socket, "result", parcel)


async def _hear(socket: WebSocket, visit: GatewayVisit, hands: Hands) -> None:
    while (message := await socket.receive())["type"] == "websocket.receive":
        wanted = _acknowledged(message.get("text"))
        if wanted is None:
            await _send(socket, "error", {"message": f"This was not understood. {_HELP}"})
            continue
        known = [which for text in wanted if (which := DeliveryId.parse(text)) is not None]
        try:
            found = await visit.service.workflows.sink.acknowledge(visit.who.artist_id, known)
        except StorageError as error:
            log.error("Acknowledgements cannot be written at the moment: %s", error)
            told = "The service cannot write its store at the moment; nothing was acknowledged. Say it again soon."
            await _send(socket, "error", {"message": told, "delivery_ids": wanted})
            continue
        for which in found:
            hands.let_go(which)
        done = {str(which): task_id for which, task_id in found.items()}
        unknown = [text for text in wanted if text not in done]
        await _send(socket, "acknowledged", {"delivery_ids": list(done), "unknown": unknown})


def _acknowledged(text: str | None) -> list[str] | None:
    """The deliveries that a message acknowledges; None for a message that does not."""
    if text is None or len(text) > LONGEST_MESSAGE:
        return None
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or said.get("type") != "ack":
        return None
    named = said.get("delivery_ids", [said.get("delivery_id")])
    is_list = isinstance(named, list) and len(named) <= MOST_ACKNOWLEDGED
    return named if is_list and all(isinstance(each, str) for each in named) else None


async def _send(socket: WebSocket, kind: str, data: dict[str, Any]) -> None:
    await socket.send_text(orjson.dumps({"type": kind, "data": data}).decode())
