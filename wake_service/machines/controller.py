"""Plans, and carries out what was planned. Every decision is in autoscaler.py and model.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError, NoCapacity, ProviderError, StorageError
from wake_service.machines import autoscaler, model
from wake_service.machines.autoscaler import Action, Demand, Member, Order, Policy
from wake_service.machines.fleet import Fleet
from wake_service.machines.handover import HandOvers
from wake_service.machines.ledger import Payer
from wake_service.machines.lookout import ASK_IN_TRANSITION, Lookout
from wake_service.machines.model import AWAKE, Machine, MachineState
from wake_service.machines.workload import Timing, Workload
from wake_service.providers.base import Door, Power, Provider, Sighting
from wake_service.store.store import Haste

log = logging.getLogger(__name__)

#: How long an engine may take to answer the last question before it is stopped, in seconds: planning waits for it.
_LAST_LOOK = 5.0


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
        connect: Callable[[Door], EngineClient],
    ) -> None:
        self._fleet = fleet
        self._providers = providers
        self._workload = workload
        self._policies = policies
        self._timing = timing
        self._clock = clock
        self._changed = asyncio.Event()
        self._background = Background(log)
        self._lookout = Lookout(
            fleet, providers, workload, timing, clock, connect, self.poke, self._rest, self._given_up, policies.keys()
        )
        self._hand_overs = HandOvers(fleet, providers, workload, self._lookout, clock, self.poke, self._has_foreign_work)

    async def start(self) -> None:
        """Takes in what is there (adopting what runs), then goes on by itself."""
        await self._lookout.start()
        self._background.spawn(self._plan_forever())

    async def stop(self) -> None:
        """Lets go. Machines keep running; the next service adopts them."""
        await self._background.cancel()
        await self._lookout.stop()
        for provider in self._providers.values():
            await provider.close()

    async def hold(self, machine_id: str, until: float, payer: Payer | None = None, by: str | None = None) -> None:
        """Keeps a machine awake until then (epoch seconds), at the cost of `payer` while it rests; 0 lets it go. `by`: a name.

        KeyError if there is none.
        """
        machine = self._fleet.get(machine_id)
        rests = machine.state is MachineState.READY and until > self._clock.now()
        await self._fleet.apply(machine, model.hold(machine, until, by), payer if rests else None)
        self.poke()

    def hand_over(self, machine_id: str) -> bool:
        """Begins to wipe a machine for another artist; false when it does not rest."""
        if self._fleet.get(machine_id).state is not MachineState.READY:
            return False
        self._background.spawn(self._hand_overs.run(machine_id))
        return True

    def goes_back_to_sleep(self, machine_id: str) -> bool:
        """Whether a machine that was waking is, or will be at once, on its way to sleep: nobody needs it any more."""
        machine = self._fleet.get(machine_id)
        if machine.state is not MachineState.WAKING:
            return machine.state in (MachineState.DRAINING, MachineState.STOPPING, MachineState.ASLEEP)
        fleet, demand, now = self._situation(machine.pool)
        orders = autoscaler.plan(fleet, demand, self._policies[machine.pool], now)
        return any(action.machine_id == machine_id and action.order is Order.DRAIN for action in orders)

    def poke(self) -> None:
        """Something changed that a plan may depend on."""
        self._changed.set()

    async def occupy(self, machine_id: str, payer: Payer | None) -> None:
        """The machine begins to work for `payer`, or (None) has nothing to do: its lease is renewed."""
        machine = self._fleet.get(machine_id)
        now = self._clock.now()
        if payer is not None:
            if machine.state is MachineState.READY:
                await self._fleet.apply(machine, model.order(machine, MachineState.BUSY, now), payer, Haste.PATIENT)
            elif machine.state in AWAKE:
                await self._fleet.apply(machine, model.renew_lease(machine, now), payer, Haste.PATIENT)
            return
        await self._rest(machine_id)

    async def _rest(self, machine_id: str) -> None:
        machine, now = self._fleet.get(machine_id), self._clock.now()
        rested = model.renew_lease(machine, now + self._timing.idle)
        if machine.state is MachineState.BUSY:
            rested = model.order(rested, MachineState.READY, now)
        last = self._fleet.payer_of(machine_id)
        await self._fleet.apply(machine, rested, last.without_job() if last else None, Haste.PATIENT)
        self.poke()

    async def report_lost(self, machine_id: str, reason: str) -> None:
        """The workload cannot speak to the engine any more although nobody saw the machine stop.

        Returns before that has consequences: who says so is part of what will be detached.
        """
        self._given_up(machine_id, reason)

    def _given_up(self, machine_id: str, reason: str) -> None:
        self._background.spawn(self._lose(machine_id, reason))

    async def _lose(self, machine_id: str, reason: str) -> None:
        if self._fleet.get(machine_id).state in AWAKE:
            seen = Sighting(machine_id, Power.STOPPING, self._clock.now(), message=reason)
            await self._lookout.observe(seen, self._fleet.get(machine_id).provider)
            await self._order_stop(self._fleet.get(machine_id), force=True)

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
            Order.EVICT: self._evict,
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
        self._lookout.starting.add(machine.id)
        try:
            await self._fleet.apply(machine, waking, self._workload.payer(machine.pool))
        except StorageError as error:
            self._lookout.starting.discard(machine.id)
            await self._fail(waking, str(error))  # not started: nobody would know whom it costs
            raise
        self._background.spawn(self._order_start(waking))

    async def _order_start(self, machine: Machine) -> None:
        try:
            await self._providers[machine.provider].start(machine.id)
        except ProviderError as error:
            log.warning("machine %s could not be started: %s", machine.id, error)
            present = self._fleet.get(machine.id)
            if present.state is MachineState.WAKING:
                await self._fail(present, str(error), no_capacity=isinstance(error, NoCapacity))
        finally:
            self._lookout.starting.discard(machine.id)

    async def _drain(self, machine: Machine) -> None:
        await self._fleet.apply(machine, model.order(machine, MachineState.DRAINING, self._clock.now()))
        self._background.spawn(self._shut(machine, True))

    async def _shut(self, machine: Machine, shut: bool) -> None:
        """Closes the machine's door to prompts of others, or opens it; one that does not hear it is looked at all the same."""
        try:
            await self._providers[machine.provider].drain(machine.id, shut)
        except ProviderError as error:
            log.warning("machine %s: its door could not be %s: %s", machine.id, "closed" if shut else "opened", error)

    async def _stay(self, machine: Machine) -> None:
        """A machine drained before its engine answered has nothing to be kept for: it is stopped and woken again."""
        if not self._lookout.is_attached(machine):
            await self._stop_now(machine)
            return
        await self._shut(machine, False)
        state = MachineState.BUSY if self._workload.work(machine.id) else MachineState.READY
        await self._fleet.apply(machine, model.order(machine, state, self._clock.now()))

    async def _stop(self, machine: Machine) -> None:
        """Closes the door, looks once more, then stops: somebody else may have given the engine work, or an artist asked."""
        if machine.state is not MachineState.FAILED:
            await self._shut(machine, True)
            if await self._has_foreign_work(machine):
                return await self._reopen(machine)
        fleet, demand, now = self._situation(machine.pool)
        orders = autoscaler.plan(fleet, demand, self._policies[machine.pool], now)
        if any(action.order is Order.STOP and action.machine_id == machine.id for action in orders):
            await self._stop_now(machine)

    async def _reopen(self, machine: Machine) -> None:
        """There is work of others: the machine rests anew, or finishes it with its door closed where it must go."""
        now = self._clock.now()
        if autoscaler.must_go(machine, self._policies[machine.pool], now):
            await self._clock.sleep(ASK_IN_TRANSITION)
            return
        await self._shut(machine, False)
        rested = model.renew_lease(machine, now + self._timing.idle)
        await self._fleet.apply(machine, model.order(rested, MachineState.READY, now))

    async def _evict(self, machine: Machine) -> None:
        """Stops a machine with work, which is queued again and blamed for nothing."""
        stopping = model.order(machine, MachineState.STOPPING, self._clock.now())
        await self._lookout.keep(machine, stopping)
        await self._lookout.detach(machine.id, "The machine had been awake for the longest time allowed.", blame=False)
        self._background.spawn(self._order_stop(stopping, force=False))

    async def _stop_now(self, machine: Machine) -> None:
        if self._fleet.get(machine.id) is not machine:
            return
        stopping = model.order(machine, MachineState.STOPPING, self._clock.now())
        await self._lookout.keep(machine, stopping)
        await self._workload.detach(machine.id, None)
        self._background.spawn(self._order_stop(stopping, force=machine.state is MachineState.FAILED))

    async def _has_foreign_work(self, machine: Machine) -> bool:
        if machine.address is None:
            return False
        client: EngineClient | None = None
        try:
            async with asyncio.timeout(_LAST_LOOK):
                client = await self._lookout.open(machine)
                queue = await client.queue()
        except (ProviderError, EngineError, TimeoutError):
            return False  # an engine that does not answer is not working
        finally:
            if client is not None:
                await client.close()
        return bool(queue.running or queue.pending)

    async def _order_stop(self, machine: Machine, *, force: bool) -> None:
        try:
            await self._providers[machine.provider].stop(machine.id, force=force)
        except ProviderError as error:
            log.warning("machine %s could not be stopped: %s", machine.id, error)
            present = self._fleet.get(machine.id)
            if present.state is MachineState.STOPPING:
                await self._fail(present, str(error), stuck=True)

    async def _give_up(self, machine: Machine) -> None:
        if machine.state is MachineState.WAKING:
            return await self._fail(machine, "The machine has not woken in time.")
        log.error("machine %s does not stop, and costs money until it does", machine.id)
        message = "The machine has not stopped in time. It is told again, by force."
        await self._fail(machine, message, stuck=True, retry_at=self._clock.now())

    async def _fail(self, machine: Machine, message: str, **why: bool | float) -> None:
        now = self._clock.now()
        failures = machine.failures + 1
        changes = {"message": message, "failures": failures, "retry_at": now + max(2.0, model.backoff(failures)), **why}
        await self._lookout.keep(machine, model.order(machine, MachineState.FAILED, now, **changes))
        if self._workload.work(machine.id):
            await self._lookout.detach(machine.id, message)
        self.poke()
