"""Where jobs and machines meet: what a job is said to wait for, what the machines are told is wanted, who pays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.jobs.studio import job, request
from wake_service.clock import ManualClock
from wake_service.exchange import Exchange, Wishes
from wake_service.jobs.board import Board
from wake_service.jobs.model import WaitingFor
from wake_service.machines.autoscaler import Demand, Policy
from wake_service.machines.curfew import Curfew
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.ledger import Payer
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.spending import Spending

S, W = MachineState, WaitingFor
STUDIO, ATELIER = Payer("studio", "mira"), Payer("atelier", "noor")
#: 0.001 of the currency a second.
PRICE = 3_600_000


class Meeting:
    """An exchange over machines and spendings that a test sets."""

    def __init__(self, *states: MachineState) -> None:
        self.clock = ManualClock()
        self.board = Board()
        self.machines = [Machine(f"m{n}", "default", "fake", PRICE, state=state) for n, state in enumerate(states)]
        self.spent: dict[str, int] = {}
        self.carried: dict[str, Payer] = {}
        fleet: Any = SimpleNamespace(
            all=lambda: self.machines,
            get=lambda machine_id: next(m for m in self.machines if m.id == machine_id),
            estimate=WakeEstimate(60.0),
            eta=lambda _machine: 20.0,
        )
        ledger: Any = SimpleNamespace(
            spent_micros=lambda team_id, _now: self.spent.get(team_id, 0),
            payer_of=lambda machine_id: self.carried.get(machine_id),
        )
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


def test_a_wake_has_to_fit_with_its_idle_tail_though_it_be_slow() -> None:
    """90 s of waking (60 usually), 40 s of rest, and something left for the picture: 130,001 millionths."""
    meeting = Meeting(S.ASLEEP)
    meeting.spending.limits["studio"] = 130_001
    assert meeting.spending.may_spend("studio", "default")
    meeting.spent["studio"] = 1
    assert not meeting.spending.may_spend("studio", "default")
    assert meeting.exchange.reason(job()) is W.BUDGET


@pytest.mark.parametrize("state", [S.READY, S.BUSY])
def test_on_a_machine_that_is_up_its_rest_after_the_work_has_to_fit(state: MachineState) -> None:
    meeting = Meeting(state)
    meeting.spending.limits["studio"] = 100_000
    for carried in ({}, {"m0": STUDIO}, {"m0": ATELIER}):
        meeting.carried = carried
        meeting.spent["studio"] = 59_999
        assert meeting.spending.may_spend("studio", "default")
        meeting.spent["studio"] = 60_000
        assert not meeting.spending.may_spend("studio", "default")


def test_what_is_promised_to_a_wake_under_way_is_not_spent_a_second_time() -> None:
    meeting = Meeting(S.WAKING)
    meeting.machines = [
        replace(meeting.machines[0], since=meeting.clock.now() - 30),
        replace(meeting.machines[0], id="m1", pool="film", state=S.ASLEEP),
    ]
    meeting.carried = {"m0": STUDIO}
    meeting.spending.limits |= {"studio": 100_000 + 130_000, "atelier": 130_001}
    assert meeting.spending.may_spend("studio", "default")
    assert not meeting.spending.may_spend("studio", "film")
    assert meeting.spending.may_spend("atelier", "film")
    meeting.spending.limits["studio"] = 100_000 + 130_001
    assert meeting.spending.may_spend("studio", "film")
    assert meeting.spending.allows("studio", 130_001) and not meeting.spending.allows("studio", 130_002)


def test_a_machine_that_is_kept_awake_is_promised_for_as_long() -> None:
    meeting = Meeting(S.READY)
    now = meeting.clock.now()
    meeting.machines = [replace(meeting.machines[0], lease_until=now + 10, hold_until=now + 100)]
    meeting.carried = {"m0": STUDIO}
    meeting.spending.limits["studio"] = 150_000
    assert meeting.spending.allows("studio", 50_000) and not meeting.spending.allows("studio", 50_001)
    assert meeting.spending.allows("studio", 50_000, begins_in="default")


def test_only_as_many_machines_are_wanted_as_can_be_paid_for() -> None:
    meeting = Meeting(S.ASLEEP, S.ASLEEP, S.ASLEEP)
    meeting.policies["default"] = Policy(maximum=3, jobs_per_machine=2)
    for _ in range(6):
        meeting.board.put(job())
    for limit, wanted in ((None, 6), (525_001, 6), (525_000, 4), (395_000, 2), (130_001, 2), (130_000, 0)):
        meeting.spending.limits["studio"] = limit
        assert meeting.exchange.demand("default").queued == wanted


def test_while_a_machine_is_up_more_jobs_wait_for_it_than_another_could_be_paid_for() -> None:
    meeting = Meeting(S.BUSY, S.ASLEEP)
    meeting.carried = {"m0": STUDIO}
    meeting.policies["default"] = Policy(maximum=2, jobs_per_machine=3)
    meeting.spending.limits["studio"] = 150_000
    meeting.board.put(job(machine_id="m0"))
    for _ in range(6):
        meeting.board.put(job())
    assert meeting.exchange.demand("default").queued == 2
    assert meeting.exchange.payer("default") is None


def test_pictures_that_a_machine_was_given_are_promised_too() -> None:
    """15 s each: two at the machine, and of three more all but the last have to fit besides the rest of 40 s."""
    meeting = Meeting(S.BUSY)
    meeting.carried = {"m0": STUDIO}
    meeting.board.put(job(machine_id="m0", request=request(count=2)))
    for limit, may in ((100_001, True), (100_000, False)):
        meeting.spending.limits["studio"] = limit
        assert meeting.exchange.may_begin("studio", "default", 3) is may


def test_many_jobs_are_judged_as_one_by_one_and_a_used_up_budget_is_looked_at_once() -> None:
    meeting = Meeting(S.BUSY)
    meeting.spending.limits = {"studio": 80_000, "atelier": None, "loft": 10}
    jobs = [job(team_id=team, request=request(count=n)) for team in meeting.spending.limits for n in (1, 3, 5) for _ in range(3)]
    one_by_one = [meeting.exchange.may_spend(each) for each in jobs]
    reasons = [meeting.exchange.reason(each) for each in jobs]
    looked_at: list[str] = []
    spent_micros = meeting.spending._ledger.spent_micros
    meeting.spending._ledger.spent_micros = lambda team, now: looked_at.append(team) or spent_micros(team, now)  # type: ignore
    may_spend, reason = meeting.exchange.may_spend_each(), meeting.exchange.reason_each()
    assert [may_spend(each) for each in jobs] == one_by_one
    assert [reason(each) for each in jobs] == reasons
    assert True in one_by_one and False in one_by_one
    assert len(looked_at) == 2 * 2 * 3  # two scans, two teams with a limit, three numbers of pictures


def test_a_wish_that_can_no_longer_be_paid_for_keeps_nothing_awake() -> None:
    meeting = Meeting(S.ASLEEP)
    meeting.wishes.add("default", 5.0, STUDIO)
    assert meeting.exchange.demand("default").wished_until == 5.0
    meeting.spending.limits["studio"] = 100
    assert meeting.exchange.demand("default").wished_until == 0.0


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
