"""Each world in turn; the foreign one when AGENT_URL, AGENT_TOKEN and AGENT_FINGERPRINT are set."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.agent import machine_world, worlds
from tests.contract.agent.hearing import Hearing
from tests.contract.agent.worlds import World

OURS = {
    "memory": worlds.memory_world,
    "guard": worlds.guard_world,
    "nginx": worlds.nginx_world,
    "machine": machine_world.machine_world,
}
ANY = OURS | ({"address": worlds.address_world} if "AGENT_URL" in os.environ else {})


@pytest.fixture(params=ANY)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Any agent."""
    async with ANY[request.param](tmp_path) as world:
        yield world


@pytest.fixture(params=OURS)
async def our_world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """An agent whose machine the test moves."""
    async with OURS[request.param](tmp_path) as world:
        yield world


@pytest.fixture
async def hearing(world: World) -> AsyncIterator[Hearing]:
    """A link to any agent."""
    async with Hearing(world, await world.dial()) as hearing:
        yield hearing


@pytest.fixture
async def ours(our_world: World) -> AsyncIterator[Hearing]:
    """A link to an agent whose machine the test moves, once its engine answers."""
    async with Hearing(our_world, await our_world.dial()) as hearing:
        await hearing.until(lambda report: report.answers)
        yield hearing
