"""Where jobs and machines meet: what a job is said to wait for, what the machines are told is wanted, who pays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.jobs.studio import job
from wake_service.clock import ManualClock
from wake_service.exchange import Exchange, Spending, Wishes
from wake_service.jobs.board import Board
from wake_service.jobs.model import WaitingFor
from wake_service.machines.autoscaler import Demand, Policy
from wake_service.machines.curfew import Curfew
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.ledger import Payer
from wake_service.machines.model import Machine, MachineState

S, W = MachineState, WaitingFor
#: 0.001 of the currency a second.
PRICE = 3_600_000


class Meeting:
    """An exchange over machines and spendings that a test sets."""

    def __init__(self, *states: MachineState) -> None:
        self.clock = ManualClock()
        self.board = Board()
        self.machines = [Machine(f"m{n}", "default", "fake", PRICE, state=state) for n, state in enumerate(states)]
        self.spent: dict[str, int] = {}
        fleet: Any = SimpleNamespace(
            all=lambda: self.machines,
            get=lambda machine_id: next(m for m in self.machines if m.id == machine_id),
            estimate=WakeEstimate(60.0),
            eta=lambda _machine: 20.0,
        )
        ledger: Any = SimpleNamespace(spent_micros=lambda team_id, _now: self.spent.get(team_id, 0))
        book: Any = SimpleNamespace(board=self.board)
        self.spending = Spending(ledger, fleet, self.clock, idle_seconds=40.0)
        self.wishes = Wishes()
        nothing: Any = None
        self.policies = {"default": Policy()}
        self.exchange = Exchange(book, fleet, self.spending, self.wishes, nothing, self.policies, self.clock)


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ([S.ASLEEP], W.MACHINE_WAKING),
        ([S.WAKING], W.MACHINE_WAKING),
        ([S.STOPPING], W.MACHINE_WAKING),
        ([S.BUSY], W.MACHINE_BUSY),
        ([S.DRAINING], W.MACHINE_BUSY),
        ([S.BUSY, S.WAKING], W.MACHINE_BUSY),
        ([S.FAILED], W.NO_MACHINE),
        ([S.GONE], W.NO_MACHINE),
        ([S.FAILED, S.ASLEEP], W.MACHINE_WAKING),
        ([], W.NO_MACHINE),
    ],
)
def test_a_job_says_what_it_waits_for(states: list[MachineState], reason: WaitingFor) -> None:
    assert Meeting(*states).exchange.reason(job()) is reason


def test_a_machine_that_may_not_be_tried_yet_is_no_machine() -> None:
    meeting = Meeting(S.ASLEEP)
    meeting.machines = [replace(meeting.machines[0], retry_at=meeting.clock.now() + 10)]
    assert meeting.exchange.reason(job()) is W.NO_MACHINE


def test_while_all_machines_of_its_kind_are_taken_it_waits_for_capacity() -> None:
    meeting = Meeting(S.ASLEEP)
    taken = replace(meeting.machines[0], retry_at=meeting.clock.now() + 10, no_capacity=True)
    meeting.machines = [taken]
    assert meeting.exchange.reason(job()) is W.CAPACITY
    meeting.machines = [replace(taken, retry_at=meeting.clock.now())]
    assert meeting.exchange.reason(job()) is W.MACHINE_WAKING


def test_during_the_curfew_everything_is_paused() -> None:
    meeting = Meeting(S.ASLEEP)
    meeting.policies["default"] = Policy(curfew=Curfew.parse("07:00 - 09:00", "UTC"))
    assert meeting.exchange.reason(job()) is W.PAUSED


def test_machines_of_another_pool_do_not_count() -> None:
    assert Meeting(S.BUSY).exchange.reason(job(pool="large")) is W.NO_MACHINE


def test_a_wake_has_to_fit_with_its_idle_tail() -> None:
    """60 s of waking and 40 s of rest cost 100,000 millionths."""
    meeting = Meeting(S.ASLEEP)
    meeting.spending.limits["studio"] = 100_000
    assert meeting.spending.may_spend("studio", "default")
    meeting.spent["studio"] = 1
    assert not meeting.spending.may_spend("studio", "default")
    assert meeting.exchange.reason(job()) is W.BUDGET


def test_on_a_machine_that_is_up_a_team_may_spend_to_the_end() -> None:
    meeting = Meeting(S.READY)
    meeting.spending.limits["studio"] = 100_000
    meeting.spent["studio"] = 99_999
    assert meeting.spending.may_spend("studio", "default")
    meeting.spent["studio"] = 100_000
    assert not meeting.spending.may_spend("studio", "default")


def test_without_a_limit_or_a_price_nothing_is_too_expensive() -> None:
    meeting = Meeting(S.ASLEEP)
    meeting.spent["studio"] = 10**12
    assert meeting.spending.may_spend("studio", "default")
    free = Meeting(S.ASLEEP)
    free.machines = [replace(free.machines[0], price_micros_per_hour=0)]
    free.spending.limits["studio"] = 0
    assert free.spending.may_spend("studio", "default")


def test_only_jobs_that_can_be_paid_for_are_wanted() -> None:
    meeting = Meeting(S.ASLEEP)
    meeting.spending.limits = {"studio": 0, "atelier": None}
    for team_id in ("studio", "studio", "atelier"):
        meeting.board.put(job(team_id=team_id))
    meeting.board.put(job(team_id="atelier", machine_id="m0"))
    meeting.board.put(job(team_id="atelier", pool="large"))
    assert meeting.exchange.demand("default") == Demand(queued=1, wished_until=0.0)


def test_the_first_who_can_pay_pays_for_the_wake_else_the_one_who_wished() -> None:
    meeting = Meeting(S.ASLEEP)
    meeting.spending.limits = {"studio": 0}
    meeting.wishes.add("default", 5.0, Payer("atelier", "noor"))
    meeting.board.put(job(team_id="studio", artist_id="mira"))
    assert meeting.exchange.payer("default") == Payer("atelier", "noor")
    meeting.board.put(job(team_id="loft", artist_id="ada"))
    assert meeting.exchange.payer("default") == Payer("loft", "ada")


def test_the_longest_wish_counts() -> None:
    wishes = Wishes()
    wishes.add("default", 50.0, Payer("studio", "mira"))
    wishes.add("default", 20.0, Payer("studio", "mira"))
    assert wishes.until == {"default": 50.0}


@pytest.mark.parametrize("state", list(S))
def test_only_a_machine_that_is_up_and_stays_takes_jobs(state: MachineState) -> None:
    assert Meeting(state).exchange.accepts("m0") == (state in (S.READY, S.BUSY))


def test_the_outlook_counts_the_wake_and_those_before() -> None:
    meeting = Meeting(S.ASLEEP)
    first, second = job(), job()
    meeting.board.put(first)
    meeting.board.put(second)
    picture = meeting.exchange.picture_seconds
    outlooks = [meeting.exchange.outlook(each) for each in (first, second)]
    assert [(outlook.ahead, outlook.eta_seconds) for outlook in outlooks] == [(0, 60 + picture), (1, 60 + 2 * picture)]


def test_pictures_are_measured() -> None:
    exchange = Meeting(S.READY).exchange
    for _ in range(50):
        exchange.note_picture(3.0)
    assert exchange.picture_seconds == pytest.approx(3.0, abs=0.01)
