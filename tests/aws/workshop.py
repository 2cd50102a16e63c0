"""The whole machines' side on the stand-in: controller, EC2 provider, leases and reaper, with artists who ask for pictures.

An engine here paints by the driven clock, and goes on while the service is dead, as a real one does.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.aws.cloud import STUDIO, Cloud
from tests.unit.machines.world import InstantStore
from wake_service.agent.memory import Life
from wake_service.clock import ManualClock
from wake_service.comfy.reports import QueueState, SystemStats
from wake_service.errors import EngineUnreachable
from wake_service.machines.autoscaler import Demand, Policy
from wake_service.machines.controller import Controller
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.fleet import Fleet
from wake_service.machines.leases import LeaseKeeper
from wake_service.machines.ledger import Ledger, Payer
from wake_service.machines.model import AWAKE, Machine, MachineState
from wake_service.machines.reaper import Reaper
from wake_service.machines.workload import Timing
from wake_service.providers.base import Door, Provider
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.provider import Ec2Provider

POOL = "default"
IDLE_SECONDS = 600.0
TAKES_WORK = frozenset({MachineState.READY, MachineState.BUSY})


@dataclass(eq=False)
class Picture:
    """One picture that an artist asked for. Moments by the driven clock; `machines` are those that began with it."""

    number: int
    artist: str
    work: float
    asked_at: float
    begun_at: float | None = None
    done_at: float | None = None
    machines: list[str] = field(default_factory=list)
    life: Life | None = None
    painted: asyncio.Event = field(default_factory=asyncio.Event)
    painting: asyncio.Task[None] | None = None


class Easel:
    """What the machines are for. Like a database, it outlives a service; `service` is whoever works with it now."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.clock = cloud.clock
        self.pictures: list[Picture] = []
        self.waiting: deque[Picture] = deque()
        self.held: dict[str, Picture] = {}
        self.losses: list[str] = []
        #: Cleared, a look at an engine's queue does not come to its end.
        self.may_be_looked_at = asyncio.Event()
        self.may_be_looked_at.set()
        self.service: Studio | None = None
        self._numbers = itertools.count(1)
        self._easels: dict[str, asyncio.Task[None]] = {}
        self._more = asyncio.Event()

    def ask(self, artist: str = "inker", work: float = 20.0) -> Picture:
        """An artist asks for a picture that takes `work` seconds."""
        picture = Picture(next(self._numbers), artist, work, self.clock.now())
        self.pictures.append(picture)
        self.waiting.append(picture)
        self.poke()
        return picture

    @property
    def unfinished(self) -> list[Picture]:
        return [picture for picture in self.pictures if picture.done_at is None]

    def poke(self) -> None:
        self._more.set()
        if self.service is not None:
            self.service.controller.poke()

    # Workload

    def demand(self, pool: str) -> Demand:
        return Demand(len(self.waiting))

    def payer(self, pool: str) -> Payer | None:
        return Payer("studio", self.waiting[0].artist) if self.waiting else None

    def work(self, machine_id: str) -> int:
        return int(machine_id in self.held)

    async def prepare(self, machine: Machine, provider: Provider) -> None:
        return None

    async def attach(self, machine: Machine, client: EngineOnWire) -> None:
        await self.detach(machine.id, None)
        held = self.held.get(machine.id)
        if held is not None and held.life is not self.cloud.machine(machine.id).life:
            self._give_back(machine.id)
        self._easels[machine.id] = asyncio.create_task(self._serve(machine.id))

    async def vacate(self, machine_id: str) -> None:
        return None

    async def handed_over(self, machine_id: str, *, wiped: bool) -> None:
        return None

    def kept(self, machine: Machine, provider: Provider, prompt_ids: tuple[str, ...]) -> None:
        return None

    async def detach(self, machine_id: str, lost: str | None, *, blame: bool = True, memory: bool = False) -> None:
        easel = self._easels.pop(machine_id, None)
        if easel is not None and easel is not asyncio.current_task():
            easel.cancel()
            await asyncio.gather(easel, return_exceptions=True)
        if lost is not None:
            self.losses.append(lost)
            self._give_back(machine_id)

    def release_strays(self, awake: Sequence[str]) -> None:
        """What a service finds claimed for machines that are not awake any more."""
        for machine_id in [id for id in self.held if id not in awake]:
            self._give_back(machine_id)

    async def let_go(self) -> None:
        """The service is gone; the engines go on."""
        easels, self._easels = self._easels, {}
        for easel in easels.values():
            easel.cancel()
        await asyncio.gather(*easels.values(), return_exceptions=True)

    def _give_back(self, machine_id: str) -> None:
        picture = self.held.pop(machine_id, None)
        if picture is None:
            return
        if picture.painting is not None:
            picture.painting.cancel()
        picture.painted.clear()
        self.waiting.appendleft(picture)
        self.poke()

    async def _serve(self, machine_id: str) -> None:
        service = self.service
        assert service is not None
        while True:
            picture = self.held.get(machine_id)
            if picture is None:
                picture = await self._next(machine_id)
            await service.controller.occupy(machine_id, Payer("studio", picture.artist, f"job-{picture.number}"))
            await self._begin(picture, machine_id)
            await picture.painted.wait()
            del self.held[machine_id]
            picture.done_at = self.clock.now()
            if not self.waiting or service.fleet.get(machine_id).state not in TAKES_WORK:
                await service.controller.occupy(machine_id, None)

    async def _next(self, machine_id: str) -> Picture:
        service = self.service
        assert service is not None
        while True:
            if self.waiting and service.fleet.get(machine_id).state in TAKES_WORK:
                picture = self.waiting.popleft()
                self.held[machine_id] = picture
                picture.machines.append(machine_id)
                picture.life = None
                return picture
            self._more.clear()
            await self._more.wait()

    async def _begin(self, picture: Picture, machine_id: str) -> None:
        machine = self.cloud.machine(machine_id)
        if picture.life is not None or machine.life is None:
            return  # it is being painted already, or the machine is going down, which will be seen
        if machine.refuse_prompt() is not None:
            raise AssertionError("a picture was given to a machine whose door is closed")
        picture.life = machine.life
        picture.begun_at = picture.begun_at or self.clock.now()
        machine.set_queue(running=1)
        picture.painting = asyncio.create_task(self._paint(picture, machine_id))

    async def _paint(self, picture: Picture, machine_id: str) -> None:
        await self.clock.sleep(picture.work)
        machine = self.cloud.machine(machine_id)
        if machine.life is picture.life:
            machine.set_queue()
            picture.painted.set()


class EngineOnWire:
    """Stands in for an EngineClient: the engine of the running machine behind a door."""

    def __init__(self, cloud: Cloud, easel: Easel, door: Door) -> None:
        self._cloud = cloud
        self._easel = easel
        self._door = door

    async def system_stats(self) -> SystemStats:
        self._life()
        return SystemStats("0.3.64", (), {"system": {"comfyui_version": "0.3.64"}})

    async def queue(self) -> QueueState:
        await self._easel.may_be_looked_at.wait()
        queue = self._life().queue
        return QueueState(running=("p",) * queue.running, pending=("p",) * queue.pending)

    async def close(self) -> None:
        return None

    def _life(self) -> Life:
        for instance_id in self._cloud.in_state("running"):
            machine = self._cloud.machine(instance_id)
            there = f"//{self._cloud.instance(instance_id).public_ip}:" in self._door.url
            if there and machine.lets_in(self._door.token or "") and machine.report().answers and not machine.silent:
                assert machine.life is not None
                return machine.life
        raise EngineUnreachable("The engine does not answer.")


def open_provider(cloud: Cloud, options: Ec2Options) -> Ec2Provider:
    """The provider as a service, or a cron job, would open it."""
    aws, price = cloud.aws(), 1_006_000
    return Ec2Provider(aws, options, cloud.clock, cloud.dial, address=cloud.find_address, price=lambda _type, _spot: price)


class Studio:
    """One service's life over the cloud's machines. `easel` and `store` are what the next one finds."""

    def __init__(
        self, cloud: Cloud, easel: Easel, store: InstantStore, policy: Policy, options: Ec2Options, idle: float = IDLE_SECONDS
    ) -> None:
        self.cloud, self.easel, self.store = cloud, easel, store
        self.clock = cloud.clock
        self.provider = open_provider(cloud, options)
        self.ledger = Ledger()
        self.fleet = Fleet(store, self.clock, self.ledger, WakeEstimate(60.0))  # type: ignore[arg-type]
        self.fleet.on_change = self._changed
        self.keeper = LeaseKeeper(self.provider, self.clock, margin=idle, wake_seconds=policy.wake_deadline + idle)
        self.reaper = Reaper(self.provider, self.clock)
        self.controller = Controller(
            self.fleet,
            {"ec2": self.provider},
            easel,  # type: ignore[arg-type]
            {POOL: policy},
            Timing(idle),
            self.clock,
            lambda door: EngineOnWire(cloud, easel, door),  # type: ignore[arg-type, return-value]
        )
        self._beside: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self.easel.service = self
        await self.fleet.load([], finders=["ec2"])
        await self.controller.start()
        self.easel.release_strays([machine.id for machine in self.fleet.all() if machine.state in AWAKE])
        self._beside = [asyncio.create_task(self.keeper.run()), asyncio.create_task(self.reaper.run())]

    async def stop(self) -> None:
        self.easel.service = None
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.controller.stop()
        await self.easel.let_go()

    def _changed(self, machine: Machine) -> None:
        self.keeper.follow(machine)
        self.easel.poke()


class Scene:
    """A studio on an account, and what happens to both."""

    def __init__(self, cloud: Cloud, policy: Policy, options: Ec2Options, idle: float = IDLE_SECONDS) -> None:
        self.cloud, self.policy, self.options, self.idle = cloud, policy, options, idle
        self.easel, self.store = Easel(cloud), InstantStore()
        self.studio = self._new()

    def _new(self) -> Studio:
        return Studio(self.cloud, self.easel, self.store, self.policy, self.options, self.idle)

    @property
    def clock(self) -> ManualClock:
        clock = self.cloud.clock
        assert isinstance(clock, ManualClock)
        return clock

    async def kill(self) -> None:
        """The service dies; machines and engines go on."""
        await self.studio.stop()

    async def revive(self) -> None:
        """The next service begins."""
        self.studio = self._new()
        await self.studio.start()

    async def until_done(self, seconds: float, step: float = 5.0) -> None:
        """Lets time pass until no picture is unfinished. Raises TimeoutError after so many seconds of the driven clock."""
        end = self.clock.now() + seconds
        while self.easel.unfinished:
            if self.clock.now() >= end:
                raise TimeoutError(f"{len(self.easel.unfinished)} pictures are still not done after {seconds:g} s.")
            await self.clock.advance(step)

    async def asleep(self, seconds: float = IDLE_SECONDS + 600.0, step: float = 10.0) -> list[str]:
        """Lets time pass until the cloud's own list shows nothing running, at most so long; what still runs then."""
        end = self.clock.now() + seconds
        while self.cloud.running() and self.clock.now() < end:
            await self.clock.advance(step)
        return self.cloud.running()


@asynccontextmanager
async def scene(
    cloud: Cloud, *, policy: Policy | None = None, options: Ec2Options | None = None, idle: float = IDLE_SECONDS
) -> AsyncIterator[Scene]:
    """A studio that runs until the end of the block."""
    options = options or Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group())
    there = Scene(cloud, policy or Policy(), options, idle)
    await there.studio.start()
    yield there
    await there.kill()
