"""What teams may still spend, with what is promised to machines that are up."""

from __future__ import annotations

from dataclasses import dataclass

from wake_service.accounts.budget import Budget, reserve_micros
from wake_service.clock import Clock
from wake_service.machines.fleet import Fleet
from wake_service.machines.ledger import Ledger
from wake_service.machines.model import Machine, MachineState


@dataclass(frozen=True, slots=True)
class Price:
    """What something is expected to cost (micros): the wake that it needs, its pictures, the machine's rest after it."""

    wake: int = 0
    pictures: int = 0
    idle: int = 0
    includes_wake: bool = False

    @property
    def whole(self) -> int:
        """All of it."""
        return self.wake + self.pictures + self.idle


#: States in which a machine goes on to cost money of itself.
GOES_ON = frozenset({MachineState.WAKING, MachineState.READY, MachineState.BUSY})


class Spending:
    """Answers whether a team can pay for a job, a wake, a hold.

    Promised is what a machine that is up goes on to cost whoever carries it (ledger.py): the rest of its wake, and the time it
    stays awake without work. A job begins only where that fits as well, so that two of them never spend the same money.
    """

    def __init__(self, ledger: Ledger, fleet: Fleet, clock: Clock, idle_seconds: float) -> None:
        self._ledger = ledger
        self._fleet = fleet
        self._clock = clock
        self._idle_seconds = idle_seconds
        self.limits: dict[str, int | None] = {}
        ledger.limit_of = lambda team_id: self.limits.get(team_id)

    def budget(self, team_id: str) -> Budget:
        """A team's month so far."""
        return Budget(self.limits.get(team_id), self._ledger.spent_micros(team_id, self._clock.now()))

    def needs_wake(self, pool: str) -> bool:
        """Whether a machine of the pool would have to be started."""
        return not any(m.state in GOES_ON for m in self._of(pool))

    def may_spend(self, team_id: str, pool: str, work_seconds: float = 0.0) -> bool:
        """Whether a job may begin after `work_seconds` of work that is to be done for the team before its last picture.

        It must fit with all that is promised: a wake with its idle tail; on a machine that is up, the tail after the work. Only
        the last picture itself need not: something must be left for it.
        """
        if self.limits.get(team_id) is None:
            return True
        price = self._price(pool)
        work = reserve_micros(work_seconds, price)
        return self.allows(team_id, work + self._reserve(team_id, pool) + (1 if price else 0), begins_in=pool)

    def allows(self, team_id: str, micros: int, *, begins_in: str | None = None) -> bool:
        """Whether a team may spend so much more, besides what is promised already. `begins_in`: the pool where new work begins,
        after which the machines rest anew."""
        budget = self.budget(team_id)
        return budget.limit_micros is None or budget.allows(self._promised(team_id, begins_in) + micros)

    def wakes_left(self, team_id: str, pool: str, at_most: int, work_seconds: float) -> int:
        """How many more machines of the pool a team can pay for from their wake through their idle tail besides
        `work_seconds` of work, `at_most` so many. The first is judged with its job (`may_spend`)."""
        budget, each = self.budget(team_id), self._wake_micros(pool)
        if budget.limit_micros is None or not each:
            return at_most
        left = budget.limit_micros - budget.spent_micros - self._promised(team_id, pool)
        left -= reserve_micros(work_seconds, self._price(pool)) + 1
        return max(1 if self.needs_wake(pool) else 0, min(at_most, left // each))

    def hold_micros(self, machine: Machine, seconds: float) -> int:
        """The most that keeping a machine awake for so long costs."""
        return reserve_micros(seconds, machine.price_micros_per_hour)

    def price(self, pool: str, work_seconds: float, *, awaited: bool = False) -> Price:
        """The marginal cost of pictures that take so long: a wake and the rest after it only where a machine has to be started.

        `awaited`: somebody else's work starts it anyway.
        """
        hour, wakes = self._price(pool), self.needs_wake(pool) and not awaited
        pictures = reserve_micros(work_seconds, hour)
        if not wakes:
            return Price(pictures=pictures)
        wake = max(map(self._fleet.estimate.wake_seconds, self._of(pool)), default=0.0)
        return Price(reserve_micros(wake, hour), pictures, reserve_micros(self._idle_seconds, hour), includes_wake=True)

    def _reserve(self, team_id: str, pool: str) -> int:
        """What a job would newly promise: a wake that may be slow and its tail, or the tail of a machine that another carries."""
        if self.needs_wake(pool):
            return self._wake_micros(pool)
        mine = any(m.state in GOES_ON and self._carries(team_id, m) for m in self._of(pool))
        return 0 if mine else reserve_micros(self._idle_seconds, self._price(pool))

    def _wake_micros(self, pool: str) -> int:
        slowest = max(map(self._fleet.estimate.slow_after, self._of(pool)), default=0.0)
        return reserve_micros(slowest + self._idle_seconds, self._price(pool))

    def _promised(self, team_id: str, begins_in: str | None) -> int:
        mine = (machine for machine in self._fleet.all() if self._carries(team_id, machine))
        return sum(reserve_micros(self._goes_on(m, m.pool == begins_in), m.price_micros_per_hour) for m in mine)

    def _goes_on(self, machine: Machine, rests_anew: bool) -> float:
        """For how many seconds a machine stays awake of itself."""
        now = self._clock.now()
        held = max(0.0, machine.hold_until - now)
        match machine.state:
            case MachineState.WAKING:
                wake_left = max(0.0, machine.since + self._fleet.estimate.slow_after(machine) - now)
                return wake_left + max(self._idle_seconds, held - wake_left)
            case MachineState.BUSY:
                return max(self._idle_seconds, held)
            case MachineState.READY:
                rest = self._idle_seconds if rests_anew else max(0.0, machine.lease_until - now)
                return max(rest, held)
            case _:
                return 0.0

    def _carries(self, team_id: str, machine: Machine) -> bool:
        payer = self._ledger.payer_of(machine.id)
        return payer is not None and payer.team_id == team_id

    def _price(self, pool: str) -> int:
        return max((m.price_micros_per_hour for m in self._of(pool)), default=0)

    def _of(self, pool: str) -> list[Machine]:
        return [machine for machine in self._fleet.all() if machine.pool == pool]
