"""Where jobs and machines meet: what each side asks of the other, answered from both. Used by app.py alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial

from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.jobs.book import JobBook
from wake_service.jobs.dispatcher import Dispatcher
from wake_service.jobs.floor import Machine as DispatchedMachine
from wake_service.jobs.kept import Reach
from wake_service.jobs.model import Job, WaitingFor
from wake_service.jobs.pace import NEWEST, Effort, Pace
from wake_service.jobs.preparation import Hands
from wake_service.jobs.views import Outlook
from wake_service.machines.autoscaler import Demand, Policy
from wake_service.machines.catalogues import Catalogues
from wake_service.machines.fleet import Fleet
from wake_service.machines.ledger import Payer
from wake_service.machines.model import AWAKE, Machine, MachineState
from wake_service.machines.spending import GOES_ON, Price, Spending
from wake_service.mirror.mirrors import Mirrors
from wake_service.providers.base import Provider

#: What a picture takes until some were measured, in seconds.
_PICTURE_SECONDS = 15.0
#: Pictures that one job asks for at most.
MOST_PICTURES = 10


@dataclass(slots=True)
class Wishes:
    """Who said "I am about to paint", and until when that counts (epoch seconds), by pool."""

    until: dict[str, float] = field(default_factory=dict)
    payer: dict[str, Payer] = field(default_factory=dict)

    def add(self, pool: str, until: float, payer: Payer) -> None:
        """Keeps the longest wish."""
        self.until[pool] = max(self.until.get(pool, 0.0), until)
        self.payer[pool] = payer


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
        self._pace = Pace()
        #: Whether each artist needs a machine to herself.
        self.per_artist = False
        self.dispatcher: Dispatcher
        self.mirrors: Mirrors

    # -- machines.controller.Workload -------------------------------------------------------------------------------

    def demand(self, pool: str) -> Demand:
        """Jobs that may be paid for and no machine holds, as far as their teams can pay for the machines that so many would wake;
        and the wish to paint."""
        per_machine = self._policies[pool].jobs_per_machine
        up = [machine.id for machine in self._fleet.all() if machine.pool == pool and machine.state in GOES_ON]
        waking, filling = 0, 0
        for team_id, count in self._book.board.waiting_by_team(pool).items():
            jobs = self._affordable(team_id, pool, count)
            may_wake = min(jobs, per_machine * self._spending.wakes_left(team_id, pool, jobs, self._most_work(team_id, pool)))
            waking, filling = waking + may_wake, filling + jobs - may_wake
        places = len(up) * per_machine - sum(map(self.work, up)) - waking
        return Demand(waking + max(0, min(filling, places)), self._wished_until(pool), self._artists(pool, up))

    def _artists(self, pool: str, up: Iterable[str]) -> int:
        """Artists who need a machine of their own, as far as their teams can pay for it; 0 where machines are shared."""
        if not self.per_artist:
            return 0
        may_spend, may_wake = self.may_spend_each(), cache(partial(self._may_wake, pool=pool))
        waiting = {job.artist_id for job in self._book.board.waiting(pool) if may_spend(job) and may_wake(job.team_id)}
        return len(waiting.union(job.artist_id for id in up for job in self._book.board.on_machine(id)))

    def _wished_until(self, pool: str) -> float:
        payer = self._wishes.payer.get(pool)
        paid = payer is None or self._spending.may_spend(payer.team_id, pool)
        return self._wishes.until.get(pool, 0.0) if paid else 0.0

    def payer(self, pool: str) -> Payer | None:
        """Who asked first, of those who can pay for a wake."""
        may_spend, may_wake = self.may_spend_each(), cache(partial(self._may_wake, pool=pool))
        for job in self._book.board.waiting(pool):
            if may_spend(job) and may_wake(job.team_id):
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

    def kept(self, machine: Machine, provider: Provider, prompt_ids: tuple[str, ...]) -> None:
        """Brings home what a machine has kept of ours."""
        reach = Reach(partial(provider.kept, machine.id), partial(provider.acknowledge, machine.id))
        self.dispatcher.kept.told(machine.id, prompt_ids, reach)

    async def attach(self, machine: Machine, client: EngineClient) -> None:
        """Puts a machine to work, once home is what it has kept, and reads what its engine can do beside that."""
        await self.dispatcher.kept.settled(machine.id)
        present = self._fleet.get(machine.id)
        if present.state not in AWAKE or present.boot != machine.boot:
            await client.close()
            return
        await self.dispatcher.attach(_dispatched(machine), client)
        self.mirrors.of(machine.pool).refresh_beside(client, partial(self._rests, machine.id))
        await self._catalogues.refresh(machine.pool, client)

    async def _rests(self, machine_id: str) -> None:
        """Returns when a machine has nothing to do."""
        while self.work(machine_id):
            await self._clock.sleep(1.0)

    async def detach(self, machine_id: str, lost: str | None, *, blame: bool = True, memory: bool = False) -> None:
        """Takes a machine out of work."""
        self.dispatcher.kept.forget(machine_id)
        await self.dispatcher.detach(machine_id, lost, blame=blame, memory=memory)

    async def vacate(self, machine_id: str) -> None:
        """Takes a machine that has nothing to do out of work, and returns when what it has kept is home."""
        await self.dispatcher.detach(machine_id, None)
        await self.dispatcher.kept.settled(machine_id)

    async def handed_over(self, machine_id: str, *, wiped: bool) -> None:
        """A machine was wiped for another artist, or could not be."""
        self.dispatcher.kept.forget(machine_id)
        await self.dispatcher.handed_over(machine_id, wiped=wiped)

    # -- jobs.dispatcher.Floor --------------------------------------------------------------------------------------

    def accepts(self, machine_id: str) -> bool:
        """Whether a machine may take another job."""
        return self._fleet.get(machine_id).state in (MachineState.READY, MachineState.BUSY)

    def up(self, pool: str) -> list[str]:
        """A pool's machines that are up to work, or will be."""
        states = (MachineState.WAKING, MachineState.READY, MachineState.BUSY)
        return [machine.id for machine in self._fleet.all() if machine.pool == pool and machine.state in states]

    def may_spend(self, job: Job) -> bool:
        """Whether a job's team can pay for it."""
        return self.may_begin(job.team_id, job.pool, len(job.missing()))

    def may_spend_each(self) -> Callable[[Job], bool]:
        """The same for many jobs at one moment: asked once for each team, pool and number of pictures."""
        asked = cache(self.may_begin)
        return lambda job: asked(job.team_id, job.pool, len(job.missing()))

    def may_begin(self, team_id: str, pool: str, pictures: int) -> bool:
        """Whether a team can pay for so many pictures more than its machines have been given, the last one going over at most."""
        if self._spending.limits.get(team_id) is None:
            return True
        return self._spending.may_spend(team_id, pool, self._work(team_id, pool, pictures))

    def _may_wake(self, team_id: str, pool: str) -> bool:
        return self._spending.wakes_left(team_id, pool, 1, self._most_work(team_id, pool)) > 0

    def _most_work(self, team_id: str, pool: str) -> float:
        """The same for the largest job: a machine that is woken beside another is not given up for want of money."""
        return self._work(team_id, pool, MOST_PICTURES)

    def _work(self, team_id: str, pool: str, pictures: int) -> float:
        """Seconds of work to be done for a team before the last of so many pictures more."""
        machines = [machine for machine in self._fleet.all() if machine.pool == pool]
        held = [job for machine in machines for job in self._book.board.on_machine(machine.id) if job.team_id == team_id]
        before = sum(len(job.missing()) for job in held) + max(0, pictures - 1)
        return before * self.picture_seconds

    def _affordable(self, team_id: str, pool: str, waiting: int) -> int:
        """How many of a team's waiting jobs may begin: looked at one by one only where the budget is nearly used up."""
        if self.may_begin(team_id, pool, MOST_PICTURES):
            return waiting
        if not self.may_begin(team_id, pool, 1):
            return 0
        may_spend = self.may_spend_each()
        return sum(job.team_id == team_id and may_spend(job) for job in self._book.board.waiting(pool))

    def note_picture(self, seconds: float, effort: Effort | None = None) -> None:
        """A picture took so long."""
        self.picture_seconds += NEWEST * (seconds - self.picture_seconds)
        if effort is not None:
            self._pace.note(effort, seconds)

    def expected_seconds(self, effort: Effort | None) -> float:
        """What a picture will take: as long as others did for their effort; where none was measured, as others on average."""
        expected = None if effort is None else self._pace.seconds(effort)
        return self.picture_seconds if expected is None else expected

    # -- for the artist ---------------------------------------------------------------------------------------------

    def reason(self, job: Job) -> WaitingFor:
        """What an unclaimed job waits for."""
        return self._reason(job, self.may_spend)

    def reason_each(self) -> Callable[[Job], WaitingFor]:
        """The same for many jobs at one moment."""
        return partial(self._reason, may_spend=self.may_spend_each())

    def _reason(self, job: Job, may_spend: Callable[[Job], bool]) -> WaitingFor:
        if not may_spend(job):
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

    def price(self, pool: str, work_seconds: float = 0.0) -> Price:
        """What so much work more would cost now; a wake that others have asked for already is theirs."""
        may_spend, wished = self.may_spend_each(), self._wished_until(pool) > self._clock.now()
        awaited = wished or any(map(may_spend, self._book.board.waiting(pool)))
        return self._spending.price(pool, work_seconds, awaited=awaited)

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
            return self._fleet.estimate.wake_seconds(machine)
        return None


def _dispatched(machine: Machine) -> DispatchedMachine:
    """What the jobs' side needs to know of a machine."""
    return DispatchedMachine(machine.id, machine.pool, machine.boot or "", machine.price_micros_per_hour)
