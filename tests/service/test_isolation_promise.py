"""The promise of `per_artist`, whatever happens meanwhile: no job of an artist on a machine with files of another."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.service.house import generate
from tests.service.studio_of_machines import Studio
from wake_service.clock import settle
from wake_service.errors import ProviderError
from wake_service.providers.base import Power
from wake_service.store.store import Store

pytestmark = pytest.mark.timeout(240)

STEPS = 120


class Story:
    """What two artists, machines, clouds and services do, drawn by lot."""

    def __init__(self, studio: Studio, seed: int) -> None:
        self.studio = studio
        self.lot = random.Random(seed)
        self.jobs: list[str] = []

    async def step(self) -> None:
        """One of all that may happen, and a little time."""
        happens = (
            (self.asks,) * 6 + (self.waits,) * 4 + (self.cancels, self.dies, self.loses_engine, self.fails, self.falls_asleep)
        )
        await self.lot.choice(happens)()
        await self.studio.clock.advance(self.lot.choice((0.0, 0.3, 1.0, 4.0)))
        await settle()
        await asyncio.sleep(0.001)

    async def asks(self) -> None:
        who = self.lot.choice((self.studio.mira, self.studio.noor))
        answer = await generate(who, count=self.lot.choice((1, 1, 3)))
        assert answer.status == 202, answer.body
        self.jobs.append(answer.json["job"]["id"])

    async def waits(self) -> None:
        await self.studio.clock.advance(self.lot.choice((5.0, 30.0, 130.0)))

    async def cancels(self) -> None:
        if self.jobs:
            await self.studio.service.dispatcher.cancel(self.lot.choice(self.jobs))

    async def dies(self) -> None:
        self.studio.provider.cloud.die(self._machine())

    async def loses_engine(self) -> None:
        machine_id = self._machine()
        if self.studio.provider.cloud.find(machine_id).power is Power.RUNNING:
            self.studio.provider.cloud.lose_engine(machine_id, "The engine ended by itself.")

    async def fails(self) -> None:
        """An order to wipe is lost, or its confirmation."""
        self.studio.provider.fail("hand_over", ProviderError("Nobody knows."), acted=self.lot.random() < 0.5)

    async def falls_asleep(self) -> None:
        self.studio.provider.cloud.stop(self._machine())

    def _machine(self) -> str:
        return self.lot.choice(self.studio.machines)


@pytest.mark.parametrize("machines", [("m1",), ("m1", "m2", "m3")])
@pytest.mark.parametrize("seed", range(4))
async def test_no_job_ever_meets_files_of_another_artist_and_every_job_comes_to_an_end(
    tmp_path: Path, machines: tuple[str, ...], seed: int
) -> None:
    await live_through(tmp_path, machines, seed)


@pytest.mark.parametrize("machines", [("m1",), ("m1", "m2", "m3")])
async def test_the_same_holds_while_the_database_dawdles(
    tmp_path: Path, machines: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes may pass while it answers: engines are lost, and are back, in the middle of everything that reads."""
    lot, read = random.Random(7), Store._read

    def read_slowly(store: Store, work: Callable[[Connection], Any]) -> Any:
        time.sleep(lot.choice((0.0, 0.0, 0.02, 0.1)))
        return read(store, work)

    monkeypatch.setattr(Store, "_read", read_slowly)
    for seed in range(3):
        await live_through(tmp_path / str(seed), machines, seed)


async def live_through(tmp_path: Path, machines: tuple[str, ...], seed: int) -> None:
    """Three lives of a service, in which what the lot draws happens; then all comes to its end, with nobody where others were."""
    studio = Studio(tmp_path / "data", machines)
    story = Story(studio, seed)
    for _ in range(3):
        async with studio.open():
            for _ in range(STEPS // 3):
                await story.step()
        studio.next_life()
    async with studio.open():
        await studio.pass_until(lambda: studio.ended(*story.jobs), step=1.0)
    assert studio.intruders == []
    assert sum(map(len, studio.rounds.values())) > 1, "both have painted"
