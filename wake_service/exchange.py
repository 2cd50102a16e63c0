"""Where jobs and machines meet: what each side asks of the other, answered from both. Used by app.py alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from wake_service.accounts.budget import Budget, reserve_micros
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.jobs.book import JobBook
from wake_service.jobs.dispatcher import Dispatcher
from wake_service.jobs.dispatcher import Machine as DispatchedMachine
from wake_service.jobs.model import Job, WaitingFor
from wake_service.jobs.preparation import Hands
from wake_service.jobs.views import Outlook
from wake_service.machines.autoscaler import Demand, Policy
from wake_service.machines.catalogues import Catalogues
from wake_service.machines.fleet import Fleet
from wake_service.machines.ledger import Ledger, Payer
from wake_service.machines.model import AWAKE, Machine, MachineState
from wake_service.providers.base import Provider

#: What a picture takes until some were measured, in seconds.
_PICTURE_SECONDS = 15.0
#: How much a new measurement counts against all before it.
_NEWEST = 0.3


@dataclass(slots=True)
class Wishes:
    """Who said "I am about to paint", and until when that counts (epoch seconds), by pool."""

    until: dict[str, float] = field(default_factory=dict)
    payer: dict[str, Payer] = field(default_factory=dict)

    def add(self, pool: str, until: float, payer: Payer) -> None:
        """Keeps the longest wish."""
        self.until[pool] = max(self.until.get(pool, 0.0), until)
        self.payer[pool] = payer


class Spending:
    """What teams may still spend."""

    def __init__(self, ledger: Ledger, fleet: Fleet, clock: Clock, idle_seconds: float) -> None:
        self._ledger = ledger
        self._fleet = fleet
        self._clock = clock
        self._idle_seconds = idle_seconds
        self.limits: dict[str, int | None] = {}

    def budget(self, team_id: str) -> Budget:
        """A team's month so far."""
        return Budget(self.limits.get(team_id), self._ledger.spent_micros(team_id, self._clock.now()))

    def needs_wake(self, pool: str) -> bool:
        """Whether a machine of the pool would have to be started."""
        return not any(m.state in (MachineState.WAKING, MachineState.READY, MachineState.BUSY) for m in self._of(pool))

    def may_spend(self, team_id: str, pool: str) -> bool:
        """Whether a job may begin: a wake must fit with its idle tail; on a machine that is up, something must be left."""
        return self.budget(team_id).allows(self._reserve(pool))

    def _reserve(self, pool: str) -> int:
        price = max((m.price_micros_per_hour for m in self._of(pool)), default=0)
        if not self.needs_wake(pool):
            return 1 if price else 0
        return reserve_micros(self._fleet.estimate.wake_seconds() + self._idle_seconds, price)

    def hold_micros(self, machine: Machine, seconds: float) -> int:
        """The most that keeping a machine awake for so long costs."""
        return reserve_micros(seconds, machine.price_micros_per_hour)

    def price_micros(self, pool: str, picture_seconds: float, count: int) -> tuple[int, bool]:
        """The marginal cost of `count` pictures, and whether it includes a wake with its idle tail."""
        price = max((m.price_micros_per_hour for m in self._of(pool)), default=0)
        work = reserve_micros(picture_seconds * count, price)
        wakes = self.needs_wake(pool)
        return work + (self._reserve(pool) if wakes else 0), wakes

    def _of(self, pool: str) -> list[Machine]:
        return [machine for machine in self._fleet.all() if machine.pool == pool]


class Exchange:
    """The machines' side asks it for demand and work; the jobs' side asks it for reasons and outlooks."""

    def __init__(
        self,
        book: JobBook,
        fleet: Fleet,
        spending: Spending,
        wishes: Wishes,
        catalogues: Catalogues,
        policies: dict[str, Policy],
        clock: Clock,
    ) -> None:
        self._book = book
        self._fleet = fleet
        self._spending = spending
        self._wishes = wishes
        self._catalogues = catalogues
        self._policies = policies
        self._clock = clock
        self.picture_seconds = _PICTURE_SECONDS
        self.dispatcher: Dispatcher

    # -- machines.controller.Workload -------------------------------------------------------------------------------

    def demand(self, pool: str) -> Demand:
        """Jobs that may be paid for and no machine holds, and the wish to paint."""
        teams = self._book.board.waiting_by_team(pool)
        queued = sum(count for team_id, count in teams.items() if self._spending.may_spend(team_id, pool))
        return Demand(queued, self._wishes.until.get(pool, 0.0))

    def payer(self, pool: str) -> Payer | None:
        """Who asked first."""
        for job in self._book.board.waiting(pool):
            if self.may_spend(job):
                return Payer(job.team_id, job.artist_id)
        return self._wishes.payer.get(pool)

    def work(self, machine_id: str) -> int:
        """Jobs that a machine holds."""
        return self._book.board.count_on_machine(machine_id)

    async def prepare(self, machine: Machine, provider: Provider) -> None:
        """Gives a machine that boots what its first jobs will need."""

        def boots() -> bool:
            present = self._fleet.get(machine.id)
            return present.state is MachineState.WAKING and present.boot == machine.boot

        hands = Hands(partial(provider.prefetch, machine.id), partial(provider.deliver, machine.id), boots)
        await self.dispatcher.prepare(_dispatched(machine), hands)

    async def attach(self, machine: Machine, client: EngineClient) -> None:
        """Puts a machine to work, and reads what its engine can do beside that."""
        await self.dispatcher.attach(_dispatched(machine), client)
        await self._catalogues.refresh(machine.pool, client)

    async def detach(self, machine_id: str, lost: str | None, *, blame: bool = True) -> None:
        """Takes a machine out of work."""
        await self.dispatcher.detach(machine_id, lost, blame=blame)

    # -- jobs.dispatcher.Floor --------------------------------------------------------------------------------------

    def accepts(self, machine_id: str) -> bool:
        """Whether a machine may take another job."""
        return self._fleet.get(machine_id).state in (MachineState.READY, MachineState.BUSY)

    def may_spend(self, job: Job) -> bool:
        """Whether a job's team can pay for it."""
        return self._spending.may_spend(job.team_id, job.pool)

    def note_picture(self, seconds: float) -> None:
        """A picture took so long."""
        self.picture_seconds += _NEWEST * (seconds - self.picture_seconds)

    # -- for the artist ---------------------------------------------------------------------------------------------

    def reason(self, job: Job) -> WaitingFor:
        """What an unclaimed job waits for."""
        if not self.may_spend(job):
            return WaitingFor.BUDGET
        policy = self._policies.get(job.pool)
        if policy is not None and policy.rests(self._clock.now()):
            return WaitingFor.PAUSED
        states = {machine.state for machine in self._fleet.all() if machine.pool == job.pool}
        if MachineState.READY in states and job.waiting_for is not None:
            return job.waiting_for  # it is about to be taken; nothing to tell
        if states & AWAKE:
            return WaitingFor.MACHINE_BUSY
        if states & {MachineState.WAKING, MachineState.STOPPING}:
            return WaitingFor.MACHINE_WAKING
        now = self._clock.now()
        if any(m.no_capacity and m.retry_at > now for m in self._fleet.all() if m.pool == job.pool):
            return WaitingFor.CAPACITY
        can_wake = any(m.state is MachineState.ASLEEP and m.retry_at <= now for m in self._fleet.all() if m.pool == job.pool)
        return WaitingFor.MACHINE_WAKING if can_wake else WaitingFor.NO_MACHINE

    def outlook(self, job: Job) -> Outlook:
        """What is expected of an unfinished job."""
        ahead = self._book.board.ahead(job)
        if ahead is None:
            return Outlook()
        machines = [machine for machine in self._fleet.all() if machine.pool == job.pool]
        waits = [wait for machine in machines if (wait := self._until_ready(machine)) is not None]
        if not waits:
            return Outlook(ahead)
        return Outlook(ahead, min(waits) + (ahead + 1) * self.picture_seconds / max(1, len(waits)))

    def _until_ready(self, machine: Machine) -> float | None:
        if machine.state in AWAKE:
            return 0.0
        if machine.state is MachineState.WAKING:
            return self._fleet.eta(machine)
        if machine.state in (MachineState.ASLEEP, MachineState.STOPPING):
            return self._fleet.estimate.wake_seconds()
        return None


def _dispatched(machine: Machine) -> DispatchedMachine:
    """What the jobs' side needs to know of a machine."""
    return DispatchedMachine(machine.id, machine.pool, machine.boot or "", machine.price_micros_per_hour)
