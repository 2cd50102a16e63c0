"""Takes in what providers see of machines and what engines answer, and makes it the fleet's state."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.reports import SystemStats
from wake_service.errors import EngineError, ProviderError, StorageError
from wake_service.machines import model
from wake_service.machines.fleet import Fleet
from wake_service.machines.model import AWAKE, Machine, MachineState, WakeStage
from wake_service.machines.workload import Timing, Workload
from wake_service.providers.base import Door, Power, Provider, Sighting, Trouble

log = logging.getLogger(__name__)

#: How often the provider is asked when it should have told: while something changes, and otherwise. Also how soon what
#: could not be stored is tried again.
ASK_IN_TRANSITION = 2.0
ASK_AT_REST = 30.0
#: A machine that its provider lists no more is gone after so long, in seconds: a cloud's list may be behind for a moment.
UNLISTED_SECONDS = 120.0
_IN_TRANSITION = frozenset({MachineState.WAKING, MachineState.STOPPING, MachineState.FAILED})


class Lookout:
    """Observes. It calls `poke` when a plan may have to change, `rest` for a machine without work, `lost` to give one up."""

    def __init__(
        self,
        fleet: Fleet,
        providers: Mapping[str, Provider],
        workload: Workload,
        timing: Timing,
        clock: Clock,
        connect: Callable[[Door], EngineClient],
        poke: Callable[[], None],
        rest: Callable[[str], Awaitable[None]],
        lost: Callable[[str, str], None],
        pools: Collection[str],
    ) -> None:
        self._fleet = fleet
        self._pools = pools
        self._providers = providers
        self._workload = workload
        self._timing = timing
        self._clock = clock
        self._connect = connect
        self._poke = poke
        self._rest = rest
        self._lost = lost
        self._background = Background(log)
        self._preparing: dict[str, str | None] = {}
        self._greeting: dict[str, str | None] = {}
        self._attached: dict[str, str | None] = {}
        self._kept: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        self._unlisted: dict[str, float] = {}
        self._strangers: dict[str, set[str]] = {}
        #: Machines whose provider has not accepted the order to start yet: what it says of them is older than the order.
        self.starting: set[str] = set()
        self._handing_over: set[str] = set()
        self._engines: Counter[str] = Counter()

    async def start(self) -> None:
        """Takes in what is there (adopting what runs), then goes on by itself."""
        await self.ask()
        for machine in self._fleet.all():
            if machine.state in AWAKE:
                self._background.spawn(self._resume(machine))
        self._background.spawn(self._ask_forever())
        for provider in self._providers.values():
            self._background.spawn(self._watch(provider))

    async def stop(self) -> None:
        """Sees nothing any more."""
        await self._background.cancel()

    def is_attached(self, machine: Machine) -> bool:
        """Whether the machine was put to work in this life of it."""
        return machine.boot is not None and self._attached.get(machine.id) == machine.boot

    async def _watch(self, provider: Provider) -> None:
        async for sighting in provider.watch():
            await self.observe(sighting, provider.name)

    async def _ask_forever(self) -> None:
        asked_at = self._clock.now()
        while True:
            await self._clock.sleep(ASK_IN_TRANSITION)
            moving = any(machine.state in _IN_TRANSITION for machine in self._fleet.all())
            if moving or self._clock.now() - asked_at >= ASK_AT_REST:
                await self.ask()
                asked_at = self._clock.now()
                self._poke()  # budgets and months change by themselves

    async def ask(self) -> None:
        """Asks every provider for its list. What is not on it any more is gone, also when that happened while no service ran."""
        for provider in self._providers.values():
            try:
                sightings = await provider.machines()
            except ProviderError as error:
                log.warning("Asking %s for its machines failed: %s", provider.name, error)
                continue
            for sighting in sightings:
                await self.observe(sighting, provider.name)
            await self._miss(provider.name, {sighting.machine_id for sighting in sightings})
        self._forget_gone()

    async def _miss(self, provider: str, listed: set[str]) -> None:
        now = self._clock.now()
        self._strangers[provider] = self._strangers.get(provider, set()) & listed
        there = [m.id for m in self._fleet.all() if m.provider == provider and m.state is not MachineState.GONE]
        for machine_id in there:
            if machine_id in listed:
                self._unlisted.pop(machine_id, None)
            elif now - self._unlisted.setdefault(machine_id, now) >= UNLISTED_SECONDS:
                await self.observe(Sighting(machine_id, Power.TERMINATED, now), provider)

    def _forget_gone(self) -> None:
        for machine_id in self._fleet.forget_gone():
            for remembered in (self._preparing, self._greeting, self._attached, self._unlisted, self._kept, self._engines):
                remembered.pop(machine_id, None)

    async def observe(self, sighting: Sighting, provider: str) -> None:
        """Makes of the machine what the provider of that name says of it."""
        machine = await self._machine_of(sighting, provider)
        if machine is None:
            return
        if sighting.power is Power.STOPPED and machine.id in self.starting:
            return  # the provider has not taken the order to start it yet
        if sighting.power is Power.RUNNING and machine.id in self._handing_over:
            return
        after = model.observe(machine, sighting, self._clock.now())
        if after is not machine:
            log.info("machine %s: %s → %s %s", machine.id, machine.state, after.state, sighting.message or after.stage or "")
            await self.keep(machine, after)
        if machine.state in AWAKE and (after.state not in AWAKE or sighting.trouble is not None):
            await self._went(machine, sighting)
        if after is not machine:
            self._poke()
        self._tell_kept(after, sighting)
        if after.state is MachineState.WAKING and after.stage is WakeStage.BOOTING:
            self._prepare_once(after)
        if after.state is MachineState.WAKING and after.stage is WakeStage.ENGINE:
            self._greet_once(after)

    def ends_engine(self, machine_id: str) -> None:
        """The machine's engine is about to be ended: until `begins_anew`, who answers there is not the one that will be used."""
        self._handing_over.add(machine_id)
        self._engines[machine_id] += 1

    def begins_anew(self, machine_id: str) -> None:
        """From now on the machine's engine is another one, in the same life of the machine."""
        self._handing_over.discard(machine_id)
        for remembered in (self._greeting, self._attached, self._kept):
            remembered.pop(machine_id, None)

    async def _went(self, machine: Machine, sighting: Sighting) -> None:
        """A machine's engine is gone, with the machine or alone."""
        asked = machine.state is MachineState.DRAINING and not self._workload.work(machine.id)
        why = sighting.message or ("The cloud took the machine back." if machine.notice else "The machine stopped.")
        memory = sighting.trouble is Trouble.MEMORY
        self._attached.pop(machine.id, None)
        self._kept.pop(machine.id, None)
        await self.detach(machine.id, None if asked else why, blame=machine.notice is None, memory=memory)

    def _tell_kept(self, machine: Machine, sighting: Sighting) -> None:
        """What a machine has kept is told whenever it changes."""
        told = machine.boot, sighting.kept
        if sighting.power is Power.RUNNING and self._kept.get(machine.id, (machine.boot, ())) != told:
            self._kept[machine.id] = told
            self._workload.kept(machine, self._providers[machine.provider], sighting.kept)

    async def _machine_of(self, sighting: Sighting, provider: str) -> Machine | None:
        """The machine that was seen; one that is new here is taken in."""
        try:
            return self._fleet.get(sighting.machine_id)
        except KeyError:
            machine = model.discovered(sighting, provider, self._clock.now())
        if machine is None or machine.pool not in self._pools:
            strangers = self._strangers.setdefault(provider, set())
            if sighting.power is not Power.TERMINATED and sighting.machine_id not in strangers:
                strangers.add(sighting.machine_id)
                log.warning("%s is not a machine of this service", sighting.machine_id)
            return None
        log.info("machine %s is new in pool %s", machine.id, machine.pool)
        try:
            await self._fleet.take_in(machine)
        except StorageError as error:
            log.error("machine %s is new, which could not be stored: %s", machine.id, error)
        return machine

    async def keep(self, before: Machine, after: Machine) -> None:
        """Applies an observed change; what was seen is true even if it cannot be written."""
        try:
            await self._fleet.apply(before, after)
        except StorageError as error:
            log.error("machine %s is %s, which could not be stored: %s", after.id, after.state, error)

    async def detach(self, machine_id: str, lost: str | None, *, blame: bool = True, memory: bool = False) -> None:
        """Repeated until it is stored: a job that a lost machine kept would never be painted."""
        while True:
            try:
                return await self._workload.detach(machine_id, lost, blame=blame, memory=memory)
            except StorageError as error:
                log.error("machine %s: what it held could not be given back: %s", machine_id, error)
                await self._clock.sleep(ASK_IN_TRANSITION)

    def _prepare_once(self, machine: Machine) -> None:
        if self._preparing.get(machine.id, "") != machine.boot:
            self._preparing[machine.id] = machine.boot
            self._background.spawn(self._workload.prepare(machine, self._providers[machine.provider]))

    def _greet_once(self, machine: Machine) -> None:
        if self._greeting.get(machine.id, "") != machine.boot and machine.id not in self._handing_over:
            self._greeting[machine.id] = machine.boot
            self._background.spawn(self._greet(machine, self._engines[machine.id]))

    async def _greet(self, machine: Machine, engine: int) -> None:
        """`engine`: which one in this life of the machine; one that was ended meanwhile is not meant."""
        answer = await self._reach(machine)
        self._greeting.pop(machine.id, None)
        if answer is None:
            return
        client, stats = answer
        present = self._fleet.get(machine.id)
        same = present.boot == machine.boot and self._engines[machine.id] == engine
        if present.state is not MachineState.WAKING or not same:
            await client.close()
            return
        now = self._clock.now()
        mended = {"failures": 0, "retry_at": 0.0, "message": None}
        ready = model.order(present, MachineState.READY, now, engine=model.engine_of(stats.raw), **mended)
        try:
            await asyncio.gather(self.keep(present, ready), self._attach(ready, client))
        except asyncio.CancelledError:
            await client.close()  # what was gathered may have been cancelled before it began
            raise
        self._poke()

    async def _resume(self, machine: Machine) -> None:
        """An earlier service left the machine awake: it goes on with what it holds, or rests."""
        answer = await self._reach(machine)
        if answer is None:
            if self._lives_on(machine):
                self._lost(machine.id, "The engine did not answer when the service came back.")
            return
        client, _ = answer
        if not self._lives_on(machine):
            await client.close()
            return
        await self._attach(self._fleet.get(machine.id), client)
        if not self._workload.work(machine.id):
            await self._rest(machine.id)
        self._poke()

    async def open(self, machine: Machine) -> EngineClient:
        """A client of the machine's engine. Raises ProviderError when there is no way to it."""
        return self._connect(await self._providers[machine.provider].door(machine.id))

    async def _reach(self, machine: Machine) -> tuple[EngineClient, SystemStats] | None:
        """A client of an engine that answers, and what it says of itself; None when it does not."""
        client: EngineClient | None = None
        try:
            async with asyncio.timeout(self._timing.greeting):
                client = await self.open(machine)
                return client, await client.system_stats()
        except (ProviderError, EngineError, TimeoutError) as error:
            log.warning("machine %s says its engine is up, but it does not answer: %s", machine.id, error)
        except asyncio.CancelledError:
            if client is not None:
                await client.close()
            raise
        if client is not None:
            await client.close()
        return None

    def _lives_on(self, machine: Machine) -> bool:
        present = self._fleet.get(machine.id)
        return present.state in AWAKE and present.boot == machine.boot

    async def _attach(self, machine: Machine, client: EngineClient) -> None:
        """Repeated until it is stored, or the machine has gone meanwhile."""
        self._attached[machine.id] = machine.boot  # before it waits for anything: what is lost meanwhile is struck off afterwards
        while True:
            try:
                return await self._workload.attach(machine, client)
            except StorageError as error:
                log.error("machine %s could not be put to work: %s", machine.id, error)
            except asyncio.CancelledError:
                await client.close()
                raise
            await self._clock.sleep(ASK_IN_TRANSITION)
            if not self._lives_on(machine):
                await client.close()
                return
