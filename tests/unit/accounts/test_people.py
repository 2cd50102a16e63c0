"""Artists and teams."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from wake_service.accounts import people
from wake_service.accounts.tokens import Role
from wake_service.errors import StorageError
from wake_service.store.store import Store
from wake_service.store.tables import artists, streams, teams


async def test_there_is_one_artist_on_her_own_computer_and_she_stays_the_same(store: Store) -> None:
    first = await store.write(lambda tx: people.ensure_default(tx, 1.0))
    again = await store.write(lambda tx: people.ensure_default(tx, 2.0))
    assert first == again
    assert await store.read(lambda conn: people.find(conn, people.DEFAULT_ARTIST)) == first
    assert len(await store.read(lambda conn: conn.execute(select(artists)).all())) == 1


async def test_looking_at_a_service_changes_nobodys_budget(store: Store) -> None:
    """The command line runs with an environment of its own, in which the service's budget may be missing."""
    await store.write(lambda tx: people.ensure_default(tx, 1.0))
    await store.write(lambda tx: people.limit_default_team(tx, 5_000_000))
    await store.write(lambda tx: people.ensure_default(tx, 2.0))
    assert list((await store.read(people.limits)).values()) == [5_000_000]


async def test_a_budget_can_be_lifted(store: Store) -> None:
    await store.write(lambda tx: people.ensure_default(tx, 1.0))
    for limit in (5_000_000, 0, None):
        await store.write(lambda tx, limit=limit: people.limit_default_team(tx, limit))
        assert list((await store.read(people.limits)).values()) == [limit]


async def test_every_team_has_its_own_limit(store: Store, mira: str) -> None:
    await store.write(lambda tx: people.ensure_default(tx, 1.0))
    await store.write(lambda tx: people.limit_default_team(tx, 7))
    studio = await store.read(lambda conn: conn.execute(select(teams.c.id).where(teams.c.name == "studio")).scalar_one())
    assert await store.read(people.limits) == {"atelier": 20_000_000, studio: 7}


async def test_an_artist_comes_with_an_event_stream_that_begins(store: Store, mira: str) -> None:
    row = await store.read(lambda conn: conn.execute(select(streams).where(streams.c.artist_id == mira)).one())
    assert (row.seq, row.forgotten) == (0, 0)


async def test_two_artists_do_not_share_a_name(store: Store, mira: str) -> None:
    with pytest.raises(StorageError):
        await store.write(lambda tx: people.add(tx, "atelier", "Mira", Role.ARTIST, 0.0))


async def test_nobody_is_found_by_an_unknown_name(store: Store) -> None:
    assert await store.read(lambda conn: people.find(conn, "nobody")) is None
