"""A world with one sleeping machine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.machines.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.start()
    yield world
    await world.stop()
    assert world.engine.open_clients == 0, "a client was left open"
