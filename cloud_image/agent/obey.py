"""Carries out orders, each once, however often and over however many sockets it comes."""

from __future__ import annotations

import asyncio
import logging

from cloud_image.door import Closer, Door

from .handover import HandingOver
from .keeper import Keeper
from .orders import Acknowledge, Drain, HandOver, Hold, Order, Prefetch, Stop, Undrain
from .prefetch import Prefetcher
from .stopping import Stopping
from .surroundings import Surroundings
from .wire import Reply

log = logging.getLogger(__name__)

#: Replies that are remembered: twice what the wire asks for.
REMEMBERED = 512


class Obedience:
    """One order at a time, in the order in which they came."""

    def __init__(
        self,
        door: Door,
        stopping: Stopping,
        handing_over: HandingOver,
        surroundings: Surroundings,
        prefetcher: Prefetcher,
        keeper: Keeper,
    ) -> None:
        self._door = door
        self._stopping = stopping
        self._handing_over = handing_over
        self._surroundings = surroundings
        self._prefetcher = prefetcher
        self._keeper = keeper
        self._replies: dict[str, Reply] = {}
        self._turn = asyncio.Lock()

    async def answer(self, order: Order) -> Reply:
        """Carries the order out, unless it was before, and gives its reply."""
        async with self._turn:
            if order.id not in self._replies:
                self._replies[order.id] = await self._reply(order)
                if len(self._replies) > REMEMBERED:
                    del self._replies[next(iter(self._replies))]
            return self._replies[order.id]

    async def _reply(self, order: Order) -> Reply:
        try:
            refusal = await self._obey(order)
        except OSError as error:
            log.exception("An order could not be carried out")
            refusal = f"The machine could not do it: {error}. Look at the agent's journal there."
        return Reply(order.id, not refusal, refusal)

    async def _obey(self, order: Order) -> str:
        """Empty when it is done or taken on, else why not. Raises OSError."""
        match order:
            case Drain():
                self._door.close(Closer.SERVICE)
            case Undrain():
                self._door.open(Closer.SERVICE)
            case Prefetch(models=models):
                self._prefetcher.ask(models)
            case Hold(until=until):
                self._surroundings.hold(until)
            case Acknowledge(results=results):
                self._keeper.forget(results)
            case HandOver(id=id):
                refusal = await self._handing_over.hand_over(id)
                self._surroundings.look()
                return refusal
            case Stop(id=id, force=force):
                refusal = await self._stopping.stop(id, force)
                self._surroundings.look()
                return refusal
        self._surroundings.look()
        return ""
