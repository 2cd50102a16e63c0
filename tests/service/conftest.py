"""A house for each test, and a practice engine in this process for those that paint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Middleware

from tests.service.house import House
from wake_service.practice_engine.engine import Engine
from wake_service.practice_engine.options import Options
from wake_service.practice_engine.routes import application


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A service whose machine sleeps, and whose engine nobody needs."""
    async with House(tmp_path / "data").open() as house:
        yield house


@asynccontextmanager
async def practice_engine(options: Options, *behind: Middleware) -> AsyncIterator[str]:
    """The address of an engine that runs until the end of the block; `behind` is what requests pass through first."""
    engine = Engine(options)
    door = application(engine)
    door.middlewares.extend(behind)
    runner = web.AppRunner(door, access_log=None, shutdown_timeout=1)
    await runner.setup()
    publisher = asyncio.create_task(engine.hub.publish())
    engine.executor.start()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    publisher.cancel()  # as in a crash: nobody is told of the end
    await engine.hub.close()
    await runner.cleanup()
    await asyncio.to_thread(engine.executor.stop, 2.0)


@pytest.fixture
async def practice_address(tmp_path: Path) -> AsyncIterator[str]:
    """Where a quick practice engine answers."""
    async with practice_engine(Options(tmp_path / "engine")) as address:
        yield address


@pytest.fixture
async def painting_house(tmp_path: Path, practice_address: str) -> AsyncIterator[House]:
    """A service whose machine runs a quick practice engine once it is awake."""
    async with House(tmp_path / "data", practice_address).open() as house:
        yield house
