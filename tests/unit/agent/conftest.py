"""A machine in memory behind a real guard on loopback, in front of a small engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.certificates import Certificate, self_signed
from tests.support.guard import Guard, serving
from tests.unit.agent.behind_guard import TIMES, TOKEN, Behind
from tests.unit.comfy.fake_engine import FakeEngine
from wake_service.agent.memory import MemoryMachine
from wake_service.clock import SystemClock, settle


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path)


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    engine = FakeEngine()
    runner = web.AppRunner(engine.application(), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    engine.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield engine
    await runner.cleanup()


@pytest.fixture
async def behind(certificate: Certificate, engine: FakeEngine) -> AsyncIterator[Behind]:
    machine = MemoryMachine(SystemClock(), fingerprint=certificate.fingerprint, times=TIMES)
    guard = Guard(machine, engine.base_url, heartbeat=0.2)
    async with serving(guard, certificate.context()) as url:
        machine.power_on(TOKEN)
        await settle()
        yield Behind(url, machine, guard)
        await machine.close()
