"""A controller with everything it touches: a cloud and an engine in memory, a clock, artists who want or do not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import StaticPool

from wake_service.clock import ManualClock
from wake_service.comfy.reports import QueueState, SystemStats
from wake_service.errors import EngineUnreachable, StorageFull
from wake_service.machines.autoscaler import Demand, Policy
from wake_service.machines.controller import Controller
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.fleet import Fleet
from wake_service.machines.ledger import Ledger, Payer
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.workload import Timing
from wake_service.providers.base import Provider
from wake_service.providers.fake import FakeProvider
from wake_service.providers.fake_cloud import FakeTimes
from wake_service.store.store import Haste, Transaction
from wake_service.store.tables import machines, metadata

T = TypeVar("T")
MIRA = Payer("studio", "mira", "job-1")
IDLE_SECONDS = 600.0


class InstantStore:
    """A store that takes no time, so that a manual clock is the only one. `full` makes every write fail."""

    def __init__(self) -> None:
        options: dict[str, Any] = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        self.engine = create_engine("sqlite://", **options)
        metadata.create_all(self.engine)
        self.full = False

    async def write(self, work: Callable[[Transaction], T], haste: Haste = Haste.USUAL) -> T:
        if self.full:
            raise StorageFull("The disk is full.")
        with self.engine.begin() as conn:
            return work(Transaction(conn))

    async def read(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as conn:
            return work(conn)


@dataclass
class Engine:
    """What the machines' engines say. While `looked_at` is held back, a look at the queue does not come to its end."""

    answers: bool = True
    foreign: tuple[str, ...] = ()
    may_be_looked_at: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    open_clients: int = 0

    def __post_init__(self) -> None:
        self.may_be_looked_at.set()


class Client:
    """Stands in for an EngineClient."""

    def __init__(self, engine: Engine, address: str) -> None:
        self._engine = engine
        self.address = address
        engine.open_clients += 1

    async def system_stats(self) -> SystemStats:
        if not self._engine.answers:
            raise EngineUnreachable("No answer.")
        system = {"comfyui_version": "0.3.64", "practice": True, "name": "Practice"}
        return SystemStats("0.3.64", (), {"system": system})

    async def queue(self) -> QueueState:
        self._engine.looks += 1
        await self._engine.may_be_looked_at.wait()
        if not self._engine.answers:
            raise EngineUnreachable("No answer.")
        return QueueState(running=self._engine.foreign)

    async def close(self) -> None:
        self._engine.open_clients -= 1


class Artists:
    """The jobs side, as the controller sees it."""

    def __init__(self) -> None:
        self.wanted = Demand()
        self.held: dict[str, int] = {}
        self.attached: dict[str, Client] = {}
        self.attachments: list[str | None] = []
        self.losses: list[str] = []
        self.blamed: list[bool] = []
        self.memory: list[bool] = []
        self.handing_over: list[str] = []
        self.trouble: Exception | None = None
        self.following: asyncio.Task[None] | None = None

    def demand(self, pool: str) -> Demand:
        return self.wanted

    def payer(self, pool: str) -> Payer | None:
        return MIRA.without_job()

    def work(self, machine_id: str) -> int:
        return self.held.get(machine_id, 0)

    async def prepare(self, machine: Machine, provider: Provider) -> None:
        await provider.prefetch(machine.id, [f"checkpoints/for-{machine.boot}"])

    async def attach(self, machine: Machine, client: Client) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.attached[machine.id] = client
        self.attachments.append(machine.boot)

    async def vacate(self, machine_id: str) -> None:
        self.handing_over.append("vacated")
        await self.detach(machine_id, None)

    async def handed_over(self, machine_id: str, *, wiped: bool) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.handing_over.append("wiped" if wiped else "not wiped")

    def kept(self, machine: Machine, provider: Provider, prompt_ids: tuple[str, ...]) -> None:
        return None

    async def detach(self, machine_id: str, lost: str | None, *, blame: bool = True, memory: bool = False) -> None:
        if self.following is not None:
            self.following.cancel()
            await asyncio.gather(self.following, return_exceptions=True)
        client = self.attached.pop(machine_id, None)
        if client is not None:
            await client.close()
        if lost is not None:
            if self.trouble is not None:
                raise self.trouble
            self.losses.append(lost)
            self.blamed.append(blame)
            self.memory.append(memory)
            self.held.pop(machine_id, None)


class World:
    """One machine, `m1`, and a service that looks after it. `restart` ends the service and starts the next one."""

    def __init__(self, times: FakeTimes | None = None, policy: Policy | None = None) -> None:
        self.clock = ManualClock()
        self.began = self.clock.now()
        self.store = InstantStore()
        self.provider = FakeProvider(self.clock, ["m1"], times=times)
        self.cloud = self.provider.cloud
        self.engine = Engine()
        self.artists = Artists()
        self.policy = policy or Policy()
        self.story: list[MachineState] = []
        self._build()

    def _build(self) -> None:
        self.ledger = Ledger()
        self.fleet = Fleet(self.store, self.clock, self.ledger, WakeEstimate(60.0))  # type: ignore[arg-type]
        self.fleet.on_change = self._note
        self.controller = Controller(
            self.fleet,
            {"fake": self.provider},
            self.artists,  # type: ignore[arg-type]
            {"default": self.policy},
            Timing(IDLE_SECONDS),
            self.clock,
            lambda door: Client(self.engine, door.url),  # type: ignore[arg-type, return-value]
        )

    def _note(self, machine: Machine) -> None:
        if not self.story or self.story[-1] is not machine.state:
            self.story.append(machine.state)

    async def start(self) -> None:
        await self.fleet.load([Machine("m1", "default", "fake", 3_600_000)], finders=["fake"])
        await self.controller.start()
        await self.clock.advance(0)

    async def stop(self) -> None:
        await self.controller.stop()
        for client in self.artists.attached.values():
            await client.close()
        self.artists.attached.clear()

    async def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """As after a kill: what the artists hold is in the database; what was attached is not."""
        await self.stop()
        meanwhile()
        await self.clock.advance(100)
        self.provider = self.provider.next_service()
        self.story.clear()
        self._build()
        await self.start()

    async def wants(self, queued: int = 0, wished_for: float = 0.0) -> None:
        """From now on this is what artists want."""
        self.artists.wanted = Demand(queued, self.clock.now() + wished_for if wished_for else 0.0)
        self.controller.poke()
        await self.clock.advance(0)

    async def works(self, for_whom: Payer = MIRA) -> None:
        """The machine takes the job that waited."""
        self.artists.wanted = Demand()
        self.artists.held["m1"] = 1
        await self.controller.occupy("m1", for_whom)
        await self.clock.advance(0)

    async def rests(self) -> None:
        """The machine has brought everything home."""
        self.artists.held.pop("m1", None)
        await self.controller.occupy("m1", None)
        await self.clock.advance(0)

    async def awake(self) -> None:
        """From sleep to ready, for one job that then waits."""
        await self.wants(queued=1)
        await self.clock.advance(self.cloud.times.wake)
        assert self.machine.state is MachineState.READY

    @property
    def machine(self) -> Machine:
        return self.fleet.get("m1")

    @property
    def state(self) -> MachineState:
        return self.machine.state

    def asked(self, name: str) -> list[float]:
        """When the provider was asked that, in seconds from the beginning."""
        return [call.at - self.began for call in self.provider.calls if call.name == name]

    def written(self) -> tuple[str, int]:
        """State and generation in the database."""
        with self.store.engine.connect() as conn:
            row = conn.execute(select(machines).where(machines.c.id == "m1")).one()
        return row.state, row.generation
