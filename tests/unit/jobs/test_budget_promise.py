"""Whatever artists ask for and whenever machines wake: no team's month costs more than its limit and one running picture."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.jobs.studio import job, request
from wake_service.clock import ManualClock
from wake_service.exchange import Exchange, Wishes
from wake_service.jobs.board import Board
from wake_service.jobs.model import Job, WaitingFor
from wake_service.machines import autoscaler
from wake_service.machines.autoscaler import Member, Order, Policy
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.ledger import Ledger, Payer, next_month_start
from wake_service.machines.model import Machine, MachineState, renew_lease
from wake_service.machines.spending import Spending

S = MachineState
IDLE, PICTURE, USUAL = 40.0, 15.0, 60.0
#: 0.001 of the currency a second.
PRICE = 3_600_000
PICTURE_MICROS = int(PICTURE * PRICE / 3600)
START = datetime(2026, 11, 30, 23, 50, tzinfo=UTC).timestamp()
TEAMS = ("studio", "atelier")


@dataclass(frozen=True)
class Ask:
    """An artist asks for pictures, and `wait` seconds pass. A wake that begins meanwhile takes `wake` seconds."""

    team_id: str
    pictures: int
    wait: float
    wake: float


asks = st.builds(
    Ask,
    st.sampled_from(TEAMS),
    st.integers(1, 10),
    st.sampled_from([0.0, 1.0, 14.0, 60.0, 200.0, 900.0]),
    st.sampled_from([5.0, USUAL, 90.0]),  # 90 s: the slowest that is not slower than usual
)


class Floor:
    """Machines that work as they are told, second by second where something happens; the decisions are the service's own."""

    def __init__(self, limits: dict[str, int | None], machines: int) -> None:
        self.clock = ManualClock(START)
        self.board = Board()
        self.ledger = Ledger()
        self.policy = Policy(maximum=machines, jobs_per_machine=2)
        self.machines = {f"m{n}": Machine(f"m{n}", "default", "fake", PRICE) for n in range(machines)}
        fleet: Any = SimpleNamespace(all=lambda: list(self.machines.values()), estimate=WakeEstimate(USUAL))
        self.spending = Spending(self.ledger, fleet, self.clock, IDLE)
        self.spending.limits = limits
        book: Any = SimpleNamespace(board=self.board)
        nothing: Any = None
        self.exchange = Exchange(book, fleet, self.spending, Wishes(), nothing, {"default": self.policy}, self.clock)
        self.exchange.picture_seconds = PICTURE
        self.due: dict[str, float] = {}
        self.wake_seconds = USUAL
        self.refused: defaultdict[str, int] = defaultdict(int)

    async def ask(self, ask: Ask) -> None:
        self.wake_seconds = ask.wake
        if self.exchange.may_begin(ask.team_id, "default", ask.pictures):
            self.board.put(job(team_id=ask.team_id, artist_id=ask.team_id, request=request(count=ask.pictures)))
        else:
            self.refused[ask.team_id] += 1
        await self.until(self.clock.now() + ask.wait)

    async def until(self, end: float) -> None:
        """Lets everything happen that is due, in order."""
        self.act()
        while (moment := self.next_moment()) is not None and moment <= end:
            await self.clock.advance(max(0.0, moment - self.clock.now()))
            self.act()
        await self.clock.advance(end - self.clock.now())
        self.look()

    def next_moment(self) -> float | None:
        leases = [m.lease_until for m in self.machines.values() if m.state is S.READY and m.lease_until > self.clock.now()]
        return min([*self.due.values(), *leases], default=None)

    def act(self) -> None:
        """What is due is done, what can be begun is begun, until nothing changes any more."""
        self.look()
        while self._finish() or self._claim() or self._plan():
            self.look()

    def look(self) -> None:
        """The promise."""
        for team_id, limit in self.spending.limits.items():
            spent = self.ledger.spent_micros(team_id, self.clock.now())
            assert limit is None or spent <= limit + PICTURE_MICROS, (team_id, spent, limit)

    def _finish(self) -> bool:
        for machine_id, due in list(self.due.items()):
            if due <= self.clock.now():
                del self.due[machine_id]
                if self.machines[machine_id].state is S.WAKING:
                    self._become(machine_id, S.READY, None)
                else:
                    self._paint(machine_id)
                return True
        return False

    def _paint(self, machine_id: str) -> None:
        first = self.board.on_machine(machine_id)[0]
        left = first.request.count - 1
        if left:
            self.board.put(replace(first, request=replace(first.request, count=left)))
        else:
            self.board.discard(first.id)
        self._work_on(machine_id, first)

    def _work_on(self, machine_id: str, last: Job) -> None:
        held = self.board.on_machine(machine_id)
        if held:
            self._become(machine_id, S.BUSY, Payer(held[0].team_id, held[0].artist_id, held[0].id))
            self.due[machine_id] = self.clock.now() + PICTURE
        else:
            self.machines[machine_id] = renew_lease(self.machines[machine_id], self.clock.now() + IDLE)
            self._become(machine_id, S.READY, Payer(last.team_id, last.artist_id))

    def _claim(self) -> bool:
        for machine_id, machine in self.machines.items():
            if machine.state in (S.READY, S.BUSY) and self.board.count_on_machine(machine_id) < 2:
                found = self.board.first_waiting("default", self.exchange.may_spend)
                if found is not None:
                    claimed = replace(found, machine_id=machine_id)
                    self.board.put(claimed)
                    if machine.state is S.READY:
                        self._work_on(machine_id, claimed)
                    return True
        return False

    def _plan(self) -> bool:
        fleet = [Member(machine, self.exchange.work(machine.id)) for machine in self.machines.values()]
        orders = autoscaler.plan(fleet, self.exchange.demand("default"), self.policy, self.clock.now())
        for action in orders:
            if action.order is Order.WAKE:
                self._become(action.machine_id, S.WAKING, self.exchange.payer("default"))
                self.due[action.machine_id] = self.clock.now() + self.wake_seconds
            else:
                assert action.order is Order.DRAIN and self.board.count_on_machine(action.machine_id) == 0
                self.due.pop(action.machine_id, None)
                self._become(action.machine_id, S.ASLEEP, None)
        return bool(orders)

    def _become(self, machine_id: str, state: MachineState, payer: Payer | None) -> None:
        now = self.clock.now()
        machine = replace(self.machines[machine_id], state=state, since=now)
        self.machines[machine_id] = machine
        self.ledger.switch(machine, payer or self.ledger.payer_of(machine_id), now)


limits = st.one_of(st.none(), st.integers(0, 2_000_000))


@settings(max_examples=60, deadline=None)
@given(st.lists(asks, max_size=30), limits, limits, st.integers(1, 3))
async def test_no_team_spends_more_than_its_limit_and_one_running_picture(
    story: list[Ask], studio: int | None, atelier: int | None, machines: int
) -> None:
    floor = Floor({"studio": studio, "atelier": atelier}, machines)
    for ask in story:
        await floor.ask(ask)
    await floor.until(next_month_start(floor.clock.now()) + 3600)


async def test_what_waits_for_the_budget_goes_on_by_itself_when_the_month_turns() -> None:
    floor = Floor({"studio": 300_000}, 1)
    for _ in range(4):
        await floor.ask(Ask("studio", 5, 0.0, USUAL))
    midnight = next_month_start(START)
    await floor.until(midnight - 1)
    waiting = list(floor.board.waiting("default"))
    assert waiting and {floor.exchange.reason(each) for each in waiting} == {WaitingFor.BUDGET}
    assert floor.machines["m0"].state is S.ASLEEP
    assert not floor.exchange.may_begin("studio", "default", 5)
    await floor.until(midnight)
    floor.act()
    assert floor.machines["m0"].state is S.WAKING
    await floor.until(midnight + 3600)
    assert len(list(floor.board.waiting("default"))) < len(waiting)
