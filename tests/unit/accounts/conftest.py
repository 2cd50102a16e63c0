"""A database with two artists of two teams, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from wake_service.accounts import people
from wake_service.accounts.tokens import Authenticator, Role
from wake_service.clock import ManualClock
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import teams


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.sqlite(tmp_path / "test.db")
    upgrade(store.engine)
    yield store
    store.close()


@pytest.fixture
async def mira(store: Store, clock: ManualClock) -> str:
    """The id of an artist."""

    def work(tx: Transaction) -> str:
        tx.conn.execute(insert(teams).values(id="atelier", name="Atelier", created_at=0.0, month_budget_micros=20_000_000))
        return people.add(tx, "atelier", "Mira", Role.ARTIST, clock.now())

    return await store.write(work)


@pytest.fixture
def authenticator(store: Store, clock: ManualClock) -> Authenticator:
    return Authenticator(store, clock)
