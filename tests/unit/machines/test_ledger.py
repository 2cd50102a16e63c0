"""Every second between a start and the stop that ended it is paid for once, whatever months and restarts lie between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from wake_service.machines.ledger import Interval, Kind, Ledger, Payer, interval_of, kind_of, month_start, next_month_start
from wake_service.machines.model import COSTING, Machine, MachineState
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import ledger as table
from wake_service.store.tables import shares

MIRA, NOOR = Payer("studio", "mira"), Payer("atelier", "noor")
PRICE = 3_600_000  # one millionth of an hour's price a millisecond: exact sums


@dataclass(frozen=True)
class Change:
    """One thing that happens to a machine."""

    seconds: int
    machine_id: str
    state: MachineState
    payer: Payer | None
    restart: bool


changes = st.builds(
    Change,
    seconds=st.sampled_from([0, 1, 60, 3600, 86_400, 9 * 86_400]),
    machine_id=st.sampled_from(["m1", "m2"]),
    state=st.sampled_from(list(MachineState)),
    payer=st.sampled_from([None, MIRA, replace(MIRA, job_id="j1"), NOOR]),
    restart=st.booleans(),
)
START = datetime(2026, 11, 28, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with TemporaryDirectory() as folder:
        store = Store.sqlite(Path(folder) / "ledger.db")
        upgrade(store.engine)
        # Hundreds of small transactions: what a power cut would do is not what is shown here.
        event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        store.engine.dispose()
        yield store
        store.close()


def fresh(store: Store, now: float) -> Ledger:
    """The ledger as a service that starts now reads it."""
    loaded = Ledger()
    with store.engine.connect() as conn:
        loaded.load(conn, now)
    return loaded


def switch(store: Store, book: Ledger, machine: Machine, payer: Payer | None, now: float) -> None:
    entry = book.switch(machine, payer, now)
    if entry is not None:
        with store.engine.begin() as conn:
            Ledger.write(Transaction(conn), entry)


def intervals(store: Store) -> list[Interval]:
    with store.engine.connect() as conn:
        rows = conn.execute(select(table).order_by(table.c.from_at, table.c.id)).all()
    return [interval_of(row) for row in rows]


def given_to(store: Store, team_id: str | None, since: float) -> int:
    """What the ends of wakes have given a team to pay, or taken from it."""
    mine = select(func.coalesce(func.sum(shares.c.micros), 0)).where(shares.c.at >= since, shares.c.team_id.is_(team_id))
    with store.engine.connect() as conn:
        return int(conn.execute(mine).scalar_one())


def clear(store: Store) -> None:
    with store.engine.begin() as conn:
        conn.execute(table.delete())
        conn.execute(shares.delete())


@settings(max_examples=40)
@given(st.lists(changes, max_size=15))
def test_every_second_is_in_one_interval_and_the_month_is_their_sum(store: Store, story: list[Change]) -> None:
    clear(store)
    book, now = fresh(store, START), START
    states: dict[str, tuple[MachineState, float]] = {}
    costing: defaultdict[str, float] = defaultdict(float)
    for change in story:
        now += change.seconds
        if change.restart:
            book = fresh(store, now)
        state, since = states.get(change.machine_id, (MachineState.ASLEEP, now))
        costing[change.machine_id] += now - since if state in COSTING else 0.0
        states[change.machine_id] = change.state, now
        machine = Machine(change.machine_id, "default", "fake", PRICE, state=change.state)
        switch(store, book, machine, change.payer, now)
    for machine_id, (state, since) in states.items():
        costing[machine_id] += now - since if state in COSTING else 0.0
        mine = [interval for interval in intervals(store) if interval.machine_id == machine_id]
        assert sum((i.to_at or now) - i.from_at for i in mine) == costing[machine_id]
        assert all(earlier.to_at is not None and earlier.to_at <= later.from_at for earlier, later in pairwise(mine))
        assert [i.to_at is None for i in mine].count(True) == (state in COSTING)
    month = month_start(now)
    for team in ("studio", "atelier"):
        booked = [i for i in intervals(store) if i.payer is not None and i.payer.team_id == team]
        expected = sum(i.micros(now, since=month) for i in booked) + given_to(store, team, month)
        assert book.spent_micros(team, now) == expected
        assert fresh(store, now).spent_micros(team, now) == expected


def test_a_machine_that_runs_across_midnight_of_the_month_pays_each_month_its_part(store: Store) -> None:
    clear(store)
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    book = fresh(store, midnight - 100)
    awake = Machine("m1", "default", "fake", PRICE, state=MachineState.READY)
    switch(store, book, awake, MIRA, midnight - 100)
    assert book.spent_micros("studio", midnight - 1) == 99 * 1000
    assert book.spent_micros("studio", midnight + 50) == 50 * 1000
    switch(store, book, replace(awake, state=MachineState.ASLEEP), MIRA, midnight + 70)
    assert book.spent_micros("studio", midnight + 1000) == 70 * 1000
    assert fresh(store, midnight + 1000).spent_micros("studio", midnight + 1000) == 70 * 1000


def test_a_second_belongs_to_the_job_it_was_worked_for(store: Store) -> None:
    clear(store)
    book = fresh(store, START)
    machine = Machine("m1", "default", "fake", PRICE, state=MachineState.WAKING)
    switch(store, book, machine, MIRA, START)
    switch(store, book, replace(machine, state=MachineState.BUSY), replace(NOOR, job_id="j1"), START + 40)
    switch(store, book, replace(machine, state=MachineState.READY), NOOR, START + 50)
    switch(store, book, replace(machine, state=MachineState.ASLEEP), None, START + 60)
    told = [(i.kind, i.payer, i.from_at - START, (i.to_at or 0) - START) for i in intervals(store)]
    assert told == [
        (Kind.WAKE, MIRA, 0, 40),
        (Kind.WORK, replace(NOOR, job_id="j1"), 40, 50),
        (Kind.IDLE, NOOR, 50, 60),
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(changes, max_size=20), st.integers(1, 10**8), st.one_of(st.none(), st.integers(0, 10**7)))
def test_all_that_is_shared_adds_up_to_all_that_was_booked(
    store: Store, story: list[Change], price: int, limit: int | None
) -> None:
    """To the millionth, whatever the price, over month ends and restarts; and by its shares alone no team goes over its limit."""
    clear(store)
    book, now = fresh(store, START), START
    for change in story:
        now += change.seconds
        if change.restart:
            book = fresh(store, now)
        book.limit_of = lambda _team: limit
        before = {team: book.spent_micros(team, now) for team in ("studio", "atelier")}
        machine = Machine(change.machine_id, "default", "fake", price, state=change.state)
        switch(store, book, machine, change.payer, now)
        for team, spent in before.items():
            assert limit is None or book.spent_micros(team, now) <= max(spent, limit)
    month = month_start(now)
    everybody = {None: given_to(store, None, month), **{team: 0 for team in ("studio", "atelier")}}
    for interval in intervals(store):
        everybody[interval.payer.team_id if interval.payer else None] += interval.micros(now, since=month)
    for team in ("studio", "atelier"):
        everybody[team] += given_to(store, team, month)
        assert everybody[team] == book.spent_micros(team, now) >= 0
    assert sum(everybody.values()) == sum(i.micros(now, since=month) for i in intervals(store))
    assert sum(given_to(store, team, 0.0) for team in everybody) == 0


def test_a_wake_and_its_rest_are_shared_by_the_seconds_of_work(store: Store) -> None:
    clear(store)
    book = fresh(store, START)
    machine = Machine("m1", "default", "fake", PRICE, state=MachineState.WAKING)
    switch(store, book, machine, MIRA, START)
    switch(store, book, replace(machine, state=MachineState.BUSY), replace(MIRA, job_id="j1"), START + 60)
    switch(store, book, replace(machine, state=MachineState.BUSY), replace(NOOR, job_id="j2"), START + 70)
    book = fresh(store, START + 80)
    switch(store, book, replace(machine, state=MachineState.READY), NOOR, START + 100)
    assert (book.spent_micros("studio", START + 100), book.spent_micros("atelier", START + 100)) == (70_000, 30_000)
    switch(store, book, replace(machine, state=MachineState.ASLEEP), None, START + 400)
    for ledger in (book, fresh(store, START + 500)):  # 360 s of waking and rest, a quarter and three quarters
        assert ledger.spent_micros("studio", START + 500) == 10_000 + 90_000
        assert ledger.spent_micros("atelier", START + 500) == 30_000 + 270_000


def test_a_wake_that_served_nobody_stays_with_who_asked(store: Store) -> None:
    clear(store)
    book = fresh(store, START)
    machine = Machine("m1", "default", "fake", PRICE, state=MachineState.WAKING)
    switch(store, book, machine, MIRA, START)
    switch(store, book, replace(machine, state=MachineState.ASLEEP), None, START + 60)
    assert book.spent_micros("studio", START + 60) == 60_000


def test_a_month_that_is_over_is_not_changed_by_the_end_of_a_wake(store: Store) -> None:
    clear(store)
    midnight = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    book = fresh(store, midnight - 100)
    machine = Machine("m1", "default", "fake", PRICE, state=MachineState.WAKING)
    switch(store, book, machine, MIRA, midnight - 100)
    switch(store, book, replace(machine, state=MachineState.BUSY), replace(NOOR, job_id="j2"), midnight + 20)
    switch(store, book, replace(machine, state=MachineState.ASLEEP), None, midnight + 30)
    assert book.spent_micros("studio", midnight - 1) == 100_000
    assert book.spent_micros("studio", midnight + 30) == 0
    assert book.spent_micros("atelier", midnight + 30) == 20_000 + 10_000


def test_a_clock_that_is_set_back_costs_no_more_than_the_interval_it_happened_in(store: Store) -> None:
    clear(store)
    book = fresh(store, START)
    machine = Machine("m1", "default", "fake", PRICE, state=MachineState.READY)
    switch(store, book, machine, MIRA, START)
    switch(store, book, replace(machine, state=MachineState.BUSY), MIRA, START + 100)
    assert book.spent_micros("studio", START - 3600) == 100_000
    switch(store, book, machine, MIRA, START - 3600)
    switch(store, book, replace(machine, state=MachineState.ASLEEP), MIRA, START - 3500)
    assert book.spent_micros("studio", START - 3500) == 200_000
    assert fresh(store, START - 3500).spent_micros("studio", START - 3500) == 200_000
    assert all(i.to_at is not None and i.to_at >= i.from_at for i in intervals(store))


def test_another_price_begins_another_interval() -> None:
    book = Ledger()
    ready = Machine("m1", "default", "fake", PRICE, state=MachineState.READY)
    book.switch(ready, MIRA, START)
    assert book.switch(replace(ready, price_micros_per_hour=2 * PRICE), MIRA, START + 10) is not None
    assert book.spent_micros("studio", START + 20) == 10_000 + 20_000


def test_nothing_new_is_written_while_nothing_changes() -> None:
    book = Ledger()
    busy = Machine("m1", "default", "fake", PRICE, state=MachineState.BUSY)
    assert book.switch(busy, MIRA, START) is not None
    assert book.switch(busy, MIRA, START + 5) is None
    assert book.switch(Machine("m2", "default", "fake", PRICE), None, START) is None


@pytest.mark.parametrize("state", list(MachineState))
def test_exactly_the_states_that_cost_money_are_booked(state: MachineState) -> None:
    assert (kind_of(Machine("m1", "default", "fake", PRICE, state=state)) is not None) == (state in COSTING)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)))
def test_a_moment_lies_in_its_month(moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC).timestamp()
    first, following = month_start(now), next_month_start(now)
    assert first <= now < following
    assert month_start(following) == following
    assert 28 * 86_400 <= following - first <= 31 * 86_400
