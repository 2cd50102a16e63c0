"""Machines that serve one artist at a time, with a witness: whose files are on which of them, and whose work each is given."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.service.house import DEADLINE, PRICE, House, accepted
from tests.service.quick_engine import QuickClient, QuickEngine
from tests.support.asgi import Caller
from wake_service.blobs.memory import MemoryBlobs
from wake_service.clock import ManualClock, settle
from wake_service.errors import EngineUnreachable
from wake_service.machinery import Machinery
from wake_service.machines.model import Machine
from wake_service.practice_engine.catalogue import Catalogue
from wake_service.providers.base import Door
from wake_service.providers.fake import FakeProvider
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.settings import Settings
from wake_service.store.tables import jobs, prompts

NODES = Catalogue(list)
INFO = {name: NODES.describe(name) for name in NODES.names()}


class LastingEngine(QuickEngine):
    """Keeps what it has painted, as a real one does, and lets go of what is taken from it."""

    begun = 0

    def hand_out(self, name: str) -> bytes:
        return self._pictures[name]

    def begin(self, prompt_id: str, graph: Mapping[str, Any]) -> None:
        self.begun += 1
        super().begin(prompt_id, graph)

    def drop(self, prompt_id: str) -> None:
        if prompt_id in self._running:
            self._running.discard(prompt_id)
            self._connection.say("execution_interrupted", prompt_id=prompt_id, node_id="1", node_type="KSampler", executed=[])


class WitnessedClient(QuickClient):
    """Tells the studio of each prompt before the engine gets it."""

    def __init__(self, studio: Studio, machine_id: str, door: Door) -> None:
        super().__init__(studio.engines[machine_id], door)
        self._lasting = studio.engines[machine_id]
        self._studio = studio
        self._machine_id = machine_id

    async def submit(self, prompt_id: str, graph: Mapping[str, Any], *, client_id: str) -> None:
        await self._studio.given(self._machine_id, prompt_id)
        await super().submit(prompt_id, graph, client_id=client_id)

    async def delete(self, prompt_ids: Sequence[str]) -> None:
        return None

    async def interrupt(self, prompt_id: str) -> None:
        self._lasting.drop(prompt_id)


class Studio(House):
    """`files`: whose are on each machine, since it was wiped last. `intruders`: prompts that came to files of others.

    `rounds`: for whom each machine worked, one after the other.
    """

    def __init__(self, data: Path, machines: Sequence[str] = ("m1",), **settings: Any) -> None:
        clock = ManualClock()
        times = FakeTimes(starting=1, booting=2, stopping=1, forced_stopping=1)
        self.provider = FakeProvider(clock, machines, times=times, address="http://{id}.invalid:8188")
        self.provider.cloud.on_wipe = self._wiped
        self.machines = list(machines)
        self.engines = {machine_id: LastingEngine(clock, INFO) for machine_id in machines}
        self.files: defaultdict[str, set[str]] = defaultdict(set)
        self.rounds: defaultdict[str, list[str]] = defaultdict(list)
        self.intruders: list[str] = []
        told = {"isolation": "per_artist", "pool_maximum": len(machines), "idle_seconds": 600.0} | settings
        self._build(Settings(data=data, **told), clock, MemoryBlobs())

    def _build(self, settings: Settings, clock: ManualClock, blobs: MemoryBlobs) -> None:
        known = [Machine(machine_id, "default", "fake", PRICE) for machine_id in self.machines]
        self.build(settings, clock, Machinery({"fake": self.provider}, known), blobs, connect=self._client)

    def next_life(self) -> None:
        """The service ended; the next one finds the same machines, database and pictures."""
        self.provider = self.provider.next_service()
        self._build(self.service.settings, self.clock, self.blobs)

    def _client(self, door: Door) -> WitnessedClient:
        machine_id = door.url.removeprefix("http://").partition(".")[0]
        return WitnessedClient(self, machine_id, door)

    def _wiped(self, machine_id: str) -> None:
        self.files[machine_id].clear()

    async def given(self, machine_id: str, prompt_id: str) -> None:
        whose = select(jobs.c.artist_id).join_from(prompts, jobs, jobs.c.id == prompts.c.job_id)
        query = whose.where(prompts.c.prompt_id == prompt_id)
        wipes = self.wipes(machine_id)
        artist = await self.service.store.read(lambda conn: conn.execute(query).scalar_one())
        if self.wipes(machine_id) != wipes:
            raise EngineUnreachable("The engine ended while it was told of the prompt.")  # what it was told went with it
        if self.files[machine_id] - {artist}:
            self.intruders.append(prompt_id)
        self.files[machine_id].add(artist)
        if self.rounds[machine_id][-1:] != [artist]:
            self.rounds[machine_id].append(artist)

    def prompts_at(self, machine_id: str) -> tuple[str, ...]:
        return self.engines[machine_id].queue().running

    def wipes(self, machine_id: str = "m1") -> int:
        return self.provider.cloud.machines[machine_id].wiped

    async def job(self, who: Caller, **fields: Any) -> str:
        return str((await accepted(who, **fields))["id"])

    async def pass_until(self, condition: Callable[[], bool], step: float = 0.5) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await self.clock.advance(step)
                await settle()
                await asyncio.sleep(0.002)

    def ended(self, *job_ids: str) -> bool:
        return all(self.service.book.board.get(job_id) is None for job_id in job_ids)
