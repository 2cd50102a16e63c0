"""What one link has heard so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from tests.contract.agent.worlds import World
from wake_service.agent.link import AgentLink, LinkBroken
from wake_service.agent.memory import MemoryMachine
from wake_service.agent.wire import Order, Reply, Report


class Hearing:
    """`reports` in order; `broken` when the link broke. Closes the link at the end, which must end the reports."""

    def __init__(self, world: World, link: AgentLink) -> None:
        self.world = world
        self.link = link
        self.reports: list[Report] = []
        self.broken: LinkBroken | None = None
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @property
    def machine(self) -> MemoryMachine:
        """The machine that the test moves."""
        assert self.world.hands is not None
        return self.world.hands

    async def until(self, good: Callable[[Report], bool], *, seconds: float = 60.0) -> Report:
        """The newest report once it is like that."""
        await self.world.within(self._until(good), seconds)
        return self.reports[-1]

    async def order(self, order: Order) -> Reply:
        return await self.world.within(self.link.order(order))

    async def end(self, *, seconds: float = 60.0) -> LinkBroken | None:
        """Waits until the reports end; why, if they broke."""
        await self.world.within(asyncio.shield(self._reading), seconds)
        return self.broken

    async def __aenter__(self) -> Hearing:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.world.within(self.link.close())
        await self.end()

    async def _until(self, good: Callable[[Report], bool]) -> None:
        while not (self.reports and good(self.reports[-1])):
            if self.broken is not None:
                raise self.broken
            self._changed.clear()
            await self._changed.wait()

    async def _read(self) -> None:
        try:
            async for report in self.link.reports():
                self.reports.append(report)
                self._changed.set()
        except LinkBroken as broken:
            self.broken = broken
            self._changed.set()
