"""A month read back: everybody's part adds up to what the machines and the disks cost, day by day and month by month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from wake_service.machines.intervals import Kind, month_start, next_month_start
from wake_service.machines.ledger import Ledger, Payer
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.months import Month, Spent, job_micros, month_of, saved
from wake_service.machines.standing import book_standing, day_micros, days_due
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import artists, blobs, results, standing, teams

MIRA, NOOR = Payer("studio", "mira"), Payer("atelier", "noor")
PRICE = 3_600_000
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
NOVEMBER = month_start(MIDNIGHT - 1)
days = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.sqlite(tmp_path / "months.db")
    upgrade(store.engine)
    yield store
    store.close()


def read(store: Store, month: float, now: float) -> Month:
    with store.engine.connect() as conn:
        return month_of(conn, month, now)


def a_night(store: Store) -> None:
    """A wake for Mira at ten to midnight of the month; then 60 s of work for each of two; rest until ten past."""
    book = Ledger()
    machine = Machine("m1", "default", "fake", PRICE)
    story = [
        (-600, MachineState.WAKING, MIRA),
        (-500, MachineState.BUSY, replace(MIRA, job_id="j1")),
        (-440, MachineState.BUSY, replace(NOOR, job_id="j2")),
        (-380, MachineState.READY, NOOR),
        (600, MachineState.ASLEEP, None),
    ]
    for at, state, payer in story:
        entry = book.switch(replace(machine, state=state), payer, MIDNIGHT + at)
        assert entry is not None
        with store.engine.begin() as conn:
            Ledger.write(Transaction(conn), entry)


def test_each_month_has_its_part_and_the_parts_add_up(store: Store) -> None:
    a_night(store)
    later = MIDNIGHT + 86_400
    november, december = read(store, NOVEMBER, later), read(store, MIDNIGHT, later)
    assert november.of().seconds == {Kind.WAKE: 100, Kind.WORK: 120, Kind.IDLE: 380}
    assert december.of().seconds == {Kind.WAKE: 0, Kind.WORK: 0, Kind.IDLE: 600}
    assert november.of().total + december.of().total == 1_200_000
    assert {payer.artist_id: spent.total for payer, spent in november.by.items() if payer} == {"mira": 160_000, "noor": 440_000}
    assert {payer.artist_id: spent.total for payer, spent in december.by.items() if payer} == {"mira": 300_000, "noor": 300_000}
    assert december.of(artist_id="noor").share == december.of(team_id="atelier").total == 300_000


def test_while_a_wake_lasts_it_counts_up_to_now(store: Store) -> None:
    a_night(store)
    assert read(store, NOVEMBER, MIDNIGHT - 550).of().total == 50_000
    assert read(store, NOVEMBER, MIDNIGHT - 550).until == MIDNIGHT - 550
    assert read(store, next_month_start(MIDNIGHT), MIDNIGHT).of().total == 0


def test_a_job_has_its_work_and_once_the_wake_is_over_its_share(store: Store) -> None:
    a_night(store)
    with store.engine.connect() as conn:
        assert job_micros(conn, "j1", MIDNIGHT) == (60_000, 300_000)
        assert job_micros(conn, "nothing", MIDNIGHT) == (0, 0)


def test_a_pictures_cost_is_all_that_was_spent_by_all_that_came_home(store: Store) -> None:
    a_night(store)
    picture = {"media_type": "image/png", "width": 64, "height": 64, "size": 9}
    with store.engine.begin() as conn:
        conn.execute(insert(teams).values(id="studio", name="studio", created_at=0))
        conn.execute(insert(artists).values(id="mira", team_id="studio", name="Mira", role="artist", created_at=0))
        conn.execute(insert(blobs).values(sha256="a" * 64, created_at=0, **picture))
        for n, at in enumerate((MIDNIGHT - 400, MIDNIGHT - 390, MIDNIGHT + 1)):
            row = {"job_id": "j1", "n": n, "artist_id": "mira", "sha256": "a" * 64, "seed": "1", "created_at": at}
            conn.execute(insert(results).values(**row, **picture))
    spent = read(store, NOVEMBER, MIDNIGHT).of(artist_id="mira")
    assert (spent.pictures, spent.per_picture) == (2, 80_000)
    assert read(store, NOVEMBER, MIDNIGHT).of(artist_id="noor").per_picture is None


def test_what_a_machine_that_never_sleeps_would_have_cost_is_at_the_months_own_price() -> None:
    spent = Spent(
        seconds={Kind.WAKE: 0.0, Kind.WORK: 3600.0, Kind.IDLE: 0.0}, micros={Kind.WAKE: 0, Kind.WORK: 500, Kind.IDLE: 0}
    )
    assert Month(0.0, 36_000.0, {MIRA: spent}, 0).always_on_micros(999) == 5000
    assert Month(0.0, 36_000.0, {}, 0).always_on_micros(1000) == 10_000
    assert (saved(500, 5000), saved(0, 0), saved(20, 10)) == (0.9, None, -1.0)


@given(days, st.integers(0, 10**12))
def test_the_days_of_a_month_add_up_to_its_price(day: date, month_micros: int) -> None:
    first = day.replace(day=1)
    month = [each for each in (first + timedelta(days=n) for n in range(31)) if each.month == day.month]
    parts = [day_micros(month_micros, each) for each in month]
    assert sum(parts) == month_micros
    assert max(parts) - min(parts) <= 1


@given(days, st.one_of(st.none(), st.integers(-3, 400)))
def test_every_day_is_due_once_and_those_missed_are_made_up_for(today: date, ago: int | None) -> None:
    due = days_due(None if ago is None else today - timedelta(days=ago), today)
    assert due[-1] == today and len(due) == len(set(due)) == (1 if ago is None else min(max(ago, 1), 32))
    assert due == sorted(due)


def test_what_stands_there_is_booked_once_a_day_and_new_things_are_added(store: Store) -> None:
    def book(inventory: list[tuple[str, int]], now: float) -> None:
        with store.engine.begin() as conn:
            book_standing(Transaction(conn), inventory, now)

    disk, snapshot = ("disk vol-1", 31_000_000), ("snapshot snap-1", 6_200_000)
    noon = MIDNIGHT + 43_200
    book([], noon)
    book([disk], noon)
    book([disk, snapshot], noon + 3600)
    book([disk], noon + 3 * 86_400)
    with store.engine.connect() as conn:
        sums = select(standing.c.day, func.sum(standing.c.micros)).group_by("day")
        by_day = {day: micros for day, micros in conn.execute(sums)}
    assert by_day == {"2026-12-01": 1_200_000, "2026-12-02": 1_000_000, "2026-12-03": 1_000_000, "2026-12-04": 1_000_000}
    assert read(store, MIDNIGHT, noon + 4 * 86_400).standing == 4_200_000
    assert read(store, NOVEMBER, noon + 4 * 86_400).standing == 0
