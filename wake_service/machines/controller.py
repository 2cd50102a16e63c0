"""Carries out what the autoscaler plans, and takes in what providers see. Every decision is in autoscaler.py and model.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.comfy.reports import SystemStats
from wake_service.errors import EngineError, ProviderError, StorageError
from wake_service.machines import autoscaler, model
from wake_service.machines.autoscaler import Action, Demand, Member, Order, Policy
from wake_service.machines.fleet import Fleet
from wake_service.machines.ledger import Payer
from wake_service.machines.model import AWAKE, Machine, MachineState, WakeStage
from wake_service.providers.base import Power, Provider, Sighting

log = logging.getLogger(__name__)

#: How often the provider is asked when it should have told: while something changes, and otherwise.
ASK_IN_TRANSITION = 2.0
ASK_AT_REST = 30.0
#: How long an engine may take to answer the last question before it is stopped, in seconds: planning waits for it.
_LAST_LOOK = 5.0
_IN_TRANSITION = frozenset({MachineState.WAKING, MachineState.STOPPING, MachineState.FAILED})


class Workload(Protocol):
    """What the machines are for; the jobs side implements it (app.py joins the two)."""

    def demand(self, pool: str) -> Demand:
        """What artists want of a pool now."""

    def payer(self, pool: str) -> Payer | None:
        """For whom a machine would be woken."""

    def work(self, machine_id: str) -> int:
        """How many jobs a machine holds."""

    async def attach(self, machine: Machine, client: EngineClient) -> None:
        """The machine is ready: give it work. The client belongs to the workload from now on."""

    async def detach(self, machine_id: str, lost: str | None) -> None:
        """The machine takes no more work; `lost` says why when it went without being asked to."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: how long a machine stays awake after work; how long an engine may take to answer its first question."""

    idle: float
    greeting: float = 30.0


class Controller:
    """One loop per service: observe, plan, act. `poke` makes it plan again."""

    def __init__(
        self,
        fleet: Fleet,
        providers: Mapping[str, Provider],
        workload: Workload,
        policies: Mapping[str, Policy],
        timing: Timing,
        clock: Clock,
        connect: Callable[[str], EngineClient],
    ) -> None:
        self._fleet = fleet
        self._providers = providers
        self._workload = workload
        self._policies = policies
        self._timing = timing
        self._clock = clock
        self._connect = connect
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._greeting: dict[str, str | None] = {}
        self._attached: dict[str, str | None] = {}
        self._starting: set[str] = set()

    async def start(self) -> None:
        """Takes in what is there (adopting what runs), then goes on by itself."""
        await self._ask()
        for machine in self._fleet.all():
            if machine.state in AWAKE:
                self._spawn(self._resume(machine))
        self._spawn(self._plan_forever())
        self._spawn(self._ask_forever())
        for provider in self._providers.values():
            self._spawn(self._watch(provider))

    async def stop(self) -> None:
        """Lets go. Machines keep running; the next service adopts them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for provider in self._providers.values():
            await provider.close()

    def poke(self) -> None:
        """Something changed that a plan may depend on."""
        self._changed.set()

    async def occupy(self, machine_id: str, payer: Payer | None) -> None:
        """The machine begins to work for `payer`, or (None) has nothing to do: its lease is renewed."""
        machine = self._fleet.get(machine_id)
        now = self._clock.now()
        if payer is not None:
            if machine.state is MachineState.READY:
                await self._fleet.apply(machine, model.order(machine, MachineState.BUSY, now), payer)
            elif machine.state in AWAKE:
                await self._fleet.apply(machine, model.renew_lease(machine, now), payer)
            return
        rested = model.renew_lease(machine, now + self._timing.idle)
        if machine.state is MachineState.BUSY:
            rested = model.order(rested, MachineState.READY, now)
        last = self._fleet.payer_of(machine_id)
        await self._fleet.apply(machine, rested, last.without_job() if last else None)
        self.poke()

    async def report_lost(self, machine_id: str, reason: str) -> None:
        """The workload cannot speak to the engine any more although nobody saw the machine stop.

        Returns before that has consequences: who says so is part of what will be detached.
        """
        self._spawn(self._lose(machine_id, reason))

    async def _lose(self, machine_id: str, reason: str) -> None:
        if self._fleet.get(machine_id).state in AWAKE:
            await self._observe(Sighting(machine_id, Power.STOPPING, self._clock.now(), message=reason))
            await self._order_stop(self._fleet.get(machine_id), force=True)

    # -- observing ------------------------------------------------------------------------------------------------

    async def _watch(self, provider: Provider) -> None:
        async for sighting in provider.watch():
            await self._observe(sighting)

    async def _ask_forever(self) -> None:
        asked_at = self._clock.now()
        while True:
            await self._clock.sleep(ASK_IN_TRANSITION)
            moving = any(machine.state in _IN_TRANSITION for machine in self._fleet.all())
            if moving or self._clock.now() - asked_at >= ASK_AT_REST:
                await self._ask()
                asked_at = self._clock.now()
                self.poke()  # budgets and months change by themselves

    async def _ask(self) -> None:
        for provider in self._providers.values():
            try:
                for sighting in await provider.machines():
                    await self._observe(sighting)
            except ProviderError as error:
                log.warning("Asking %s for its machines failed: %s", provider.name, error)

    async def _observe(self, sighting: Sighting) -> None:
        try:
            machine = self._fleet.get(sighting.machine_id)
        except KeyError:
            log.warning("%s is not a machine of this service", sighting.machine_id)
            return
        if sighting.power is Power.STOPPED and machine.id in self._starting:
            return  # the provider has not taken the order to start it yet
        after = model.observe(machine, sighting, self._clock.now())
        if after is not machine:
            log.info("machine %s: %s → %s %s", machine.id, machine.state, after.state, sighting.message or after.stage or "")
            await self._keep(machine, after)
            if machine.state in AWAKE and after.state not in AWAKE:
                asked = machine.state is MachineState.DRAINING and not self._workload.work(machine.id)
                await self._detach(machine.id, None if asked else sighting.message or "The machine stopped.")
            self.poke()
        if after.state is MachineState.WAKING and after.stage is WakeStage.ENGINE:
            self._greet_once(after)

    async def _keep(self, before: Machine, after: Machine) -> None:
        """Applies an observed change; what was seen is true even if it cannot be written."""
        try:
            await self._fleet.apply(before, after)
        except StorageError as error:
            log.error("machine %s is %s, which could not be stored: %s", after.id, after.state, error)

    async def _detach(self, machine_id: str, lost: str | None) -> None:
        """Repeated until it is stored: a job that a lost machine kept would never be painted."""
        while True:
            try:
                return await self._workload.detach(machine_id, lost)
            except StorageError as error:
                log.error("machine %s: what it held could not be given back: %s", machine_id, error)
                await self._clock.sleep(ASK_IN_TRANSITION)

    # -- the engine's first answer --------------------------------------------------------------------------------

    def _greet_once(self, machine: Machine) -> None:
        if self._greeting.get(machine.id, "") != machine.boot:
            self._greeting[machine.id] = machine.boot
            self._spawn(self._greet(machine))

    async def _greet(self, machine: Machine) -> None:
        client = self._connect(machine.address or "")
        stats = await self._stats(machine, client)
        self._greeting.pop(machine.id, None)
        present = self._fleet.get(machine.id)
        if stats is None or present.state is not MachineState.WAKING or present.boot != machine.boot:
            await client.close()
            return
        now = self._clock.now()
        ready = model.order(present, MachineState.READY, now, engine=model.engine_of(stats.raw), failures=0, retry_at=0.0)
        attached = asyncio.create_task(self._attach(ready, client))
        await self._keep(present, ready)
        await attached
        self.poke()

    async def _resume(self, machine: Machine) -> None:
        """An earlier service left the machine awake: it goes on with what it holds, or rests."""
        client = self._connect(machine.address or "")
        stats = await self._stats(machine, client)
        still_awake = self._lives_on(machine)
        if stats is None or not still_awake:
            await client.close()
            if still_awake:
                await self.report_lost(machine.id, "The engine did not answer when the service came back.")
            return
        await self._attach(self._fleet.get(machine.id), client)
        if not self._workload.work(machine.id):
            await self.occupy(machine.id, None)
        self.poke()

    async def _stats(self, machine: Machine, client: EngineClient) -> SystemStats | None:
        try:
            async with asyncio.timeout(self._timing.greeting):
                return await client.system_stats()
        except (EngineError, TimeoutError) as error:
            log.warning("machine %s says its engine is up, but it does not answer: %s", machine.id, error)
            return None
        except asyncio.CancelledError:
            await client.close()
            raise

    def _lives_on(self, machine: Machine) -> bool:
        present = self._fleet.get(machine.id)
        return present.state in AWAKE and present.boot == machine.boot

    async def _attach(self, machine: Machine, client: EngineClient) -> None:
        """Repeated until it is stored, or the machine has gone meanwhile."""
        while True:
            try:
                await self._workload.attach(machine, client)
                self._attached[machine.id] = machine.boot
                return
            except StorageError as error:
                log.error("machine %s could not be put to work: %s", machine.id, error)
            await self._clock.sleep(ASK_IN_TRANSITION)
            if not self._lives_on(machine):
                await client.close()
                return

    # -- acting ---------------------------------------------------------------------------------------------------

    async def _plan_forever(self) -> None:
        while True:
            self._changed.clear()
            moments = [await self._plan(pool, policy) for pool, policy in self._policies.items()]
            due = min((moment for moment in moments if moment is not None), default=None)
            await self._wait(due)

    async def _wait(self, due: float | None) -> None:
        changed = asyncio.create_task(self._changed.wait())
        waits: set[asyncio.Task[object]] = {changed}
        if due is not None:
            waits.add(asyncio.create_task(self._clock.sleep(max(0.0, due - self._clock.now()))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    async def _plan(self, pool: str, policy: Policy) -> float | None:
        fleet, demand, now = self._situation(pool)
        for action in autoscaler.plan(fleet, demand, policy, now):
            await self._act(action)
        return autoscaler.next_change(fleet, demand, policy, now)

    def _situation(self, pool: str) -> tuple[list[Member], Demand, float]:
        fleet = [Member(machine, self._workload.work(machine.id)) for machine in self._fleet.all() if machine.pool == pool]
        return fleet, self._workload.demand(pool), self._clock.now()

    async def _act(self, action: Action) -> None:
        machine = self._fleet.get(action.machine_id)
        if machine.generation != action.generation:
            return
        log.info("machine %s: %s, %s", machine.id, action.order, action.why)
        carry_out: dict[Order, Callable[[Machine], Awaitable[None]]] = {
            Order.WAKE: self._wake,
            Order.DRAIN: self._drain,
            Order.KEEP: self._stay,
            Order.STOP: self._stop,
            Order.GIVE_UP: self._give_up,
        }
        try:
            await carry_out[action.order](machine)
        except StorageError as error:
            log.error("machine %s: %s could not be stored: %s", machine.id, action.order, error)
            await self._clock.sleep(ASK_IN_TRANSITION)
        self.poke()

    async def _wake(self, machine: Machine) -> None:
        waking = model.order(machine, MachineState.WAKING, self._clock.now())
        self._starting.add(machine.id)
        try:
            await self._fleet.apply(machine, waking, self._workload.payer(machine.pool))
        except StorageError as error:
            self._starting.discard(machine.id)
            await self._fail(waking, str(error))  # not started: nobody would know whom it costs
            raise
        self._spawn(self._order_start(waking))

    async def _order_start(self, machine: Machine) -> None:
        try:
            await self._providers[machine.provider].start(machine.id)
        except ProviderError as error:
            log.warning("machine %s could not be started: %s", machine.id, error)
            present = self._fleet.get(machine.id)
            if present.state is MachineState.WAKING:
                await self._fail(present, str(error))
        finally:
            self._starting.discard(machine.id)

    async def _drain(self, machine: Machine) -> None:
        await self._fleet.apply(machine, model.order(machine, MachineState.DRAINING, self._clock.now()))

    async def _stay(self, machine: Machine) -> None:
        """A machine drained before its engine answered has nothing to be kept for: it is stopped and woken again."""
        if self._attached.get(machine.id) != machine.boot or machine.boot is None:
            await self._stop_now(machine)
            return
        state = MachineState.BUSY if self._workload.work(machine.id) else MachineState.READY
        await self._fleet.apply(machine, model.order(machine, state, self._clock.now()))

    async def _stop(self, machine: Machine) -> None:
        """Looks once more, then stops: somebody else may have given the engine work, or an artist asked meanwhile."""
        if machine.state is not MachineState.FAILED and await self._has_foreign_work(machine):
            now = self._clock.now()
            rested = model.renew_lease(machine, now + self._timing.idle)
            await self._fleet.apply(machine, model.order(rested, MachineState.READY, now))
            return
        fleet, demand, now = self._situation(machine.pool)
        orders = autoscaler.plan(fleet, demand, self._policies[machine.pool], now)
        if any(action.order is Order.STOP and action.machine_id == machine.id for action in orders):
            await self._stop_now(machine)

    async def _stop_now(self, machine: Machine) -> None:
        if self._fleet.get(machine.id) is not machine:
            return
        stopping = model.order(machine, MachineState.STOPPING, self._clock.now())
        await self._keep(machine, stopping)
        await self._workload.detach(machine.id, None)
        self._spawn(self._order_stop(stopping, force=machine.state is MachineState.FAILED))

    async def _has_foreign_work(self, machine: Machine) -> bool:
        if machine.address is None:
            return False
        client = self._connect(machine.address)
        try:
            async with asyncio.timeout(_LAST_LOOK):
                queue = await client.queue()
        except (EngineError, TimeoutError):
            return False  # an engine that does not answer is not working
        finally:
            await client.close()
        return bool(queue.running or queue.pending)

    async def _order_stop(self, machine: Machine, *, force: bool) -> None:
        try:
            await self._providers[machine.provider].stop(machine.id, force=force)
        except ProviderError as error:
            log.warning("machine %s could not be stopped: %s", machine.id, error)
            present = self._fleet.get(machine.id)
            if present.state is MachineState.STOPPING:
                await self._fail(present, str(error))

    async def _give_up(self, machine: Machine) -> None:
        late = "woke" if machine.state is MachineState.WAKING else "stopped"
        await self._fail(machine, f"The machine has not {late} in time.")

    async def _fail(self, machine: Machine, message: str) -> None:
        now = self._clock.now()
        failures = machine.failures + 1
        changes = {"message": message, "failures": failures, "retry_at": now + max(2.0, model.backoff(failures))}
        await self._keep(machine, model.order(machine, MachineState.FAILED, now, **changes))
        if self._workload.work(machine.id):
            await self._detach(machine.id, message)
        self.poke()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("The controller lost a task", exc_info=error)
