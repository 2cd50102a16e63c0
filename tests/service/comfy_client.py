"""A client of the gateway in a house, and what its tests do with the machine behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.service.house import House
from tests.support.asgi import Answer, Caller, Stream
from wake_service.machines.model import MachineState


class Comfy:
    """A client of the gateway, with a token of its own."""

    def __init__(self, house: House, who: Caller) -> None:
        self._caller = Caller(house.gateway, who.token)

    async def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._caller.ask(method, "/comfy" + path, headers=named)

    async def post(self, path: str, **more: Any) -> Answer:
        return await self._caller.ask("POST", "/comfy" + path, **more)

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        return await self._caller.ask(method, "/comfy" + path, **more)

    async def connect(self, path: str, **headers: str) -> Stream:
        return await self._caller.connect("/comfy" + path, headers)


async def wake(house: House) -> None:
    """The machine wakes, and its engine has been read."""
    await house.mira.ask("POST", "/v1/wake")
    await house.until(MachineState.READY)
    mirror = house.service.mirrors.of("default")
    await until(lambda: (engine := house.service.engine()) is not None and mirror.is_of(engine))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.005)


async def sleep(house: House) -> None:
    """It falls asleep again."""
    async with asyncio.timeout(20):
        while house.state is not MachineState.ASLEEP:
            await house.clock.advance(30)
            await asyncio.sleep(0.002)
