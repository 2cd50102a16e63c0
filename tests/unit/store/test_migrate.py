"""A database becomes what the code expects: from nothing, from an older one; a newer one is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from wake_service.errors import SetupError
from wake_service.store.migrate import SCRIPTS, upgrade
from wake_service.store.store import Store
from wake_service.store.tables import metadata


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    store = Store.sqlite(tmp_path / "test.db")
    yield store
    store.close()


def test_from_nothing_it_makes_every_table(empty: Store) -> None:
    upgrade(empty.engine)
    assert set(inspect(empty.engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_tables_and_migrations_agree(empty: Store) -> None:
    """Nobody changes tables.py without a migration."""
    upgrade(empty.engine)
    with empty.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_a_second_start_changes_nothing(empty: Store) -> None:
    upgrade(empty.engine)
    with empty.engine.begin() as conn:
        conn.exec_driver_sql("INSERT INTO teams (id, name, created_at) VALUES ('t', 'studio', 0)")
    upgrade(empty.engine)
    with empty.engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT name FROM teams").scalars().all() == ["studio"]


def test_what_a_newer_version_wrote_is_refused_with_a_sentence_and_left_alone(empty: Store) -> None:
    upgrade(empty.engine)
    with empty.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SetupError, match="newer Wakebrush"):
        upgrade(empty.engine)
    with empty.engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9999"


def test_what_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "test.db").write_bytes(b"This is a shopping list. " * 100)
    store = Store.sqlite(tmp_path / "test.db")
    with pytest.raises(SetupError, match="database"):
        upgrade(store.engine)
    store.close()


def test_pictures_of_an_older_version_are_taken_over_by_the_sweeper(empty: Store) -> None:
    """What is stored already may have bytes; what jobs start from is read from their requests."""
    upgrade_to(empty, "0001")
    with empty.engine.begin() as conn:
        conn.exec_driver_sql("INSERT INTO teams (id, name, created_at) VALUES ('t', 'studio', 0)")
        conn.exec_driver_sql("INSERT INTO artists (id, team_id, name, role, created_at) VALUES ('a', 't', 'Mira', 'artist', 0)")
        conn.exec_driver_sql("INSERT INTO blobs VALUES ('s1', 10, 'image/png', 8, 8, 0)")
        conn.exec_driver_sql(
            "INSERT INTO jobs (place, id, artist_id, team_id, pool, state, attempt, version, request_hash, request, created_at, "
            "cost_micros) VALUES (1, 'j', 'a', 't', 'default', 'queued', 1, 0, '', ?, 0, 0)",
            ('{"image":"s1","mask":null}',),
        )
    upgrade(empty.engine)
    with empty.engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT sha256, leaving FROM blob_bytes").all() == [("s1", 0)]
        assert conn.exec_driver_sql("SELECT job_id, sha256, artist_id FROM job_inputs").all() == [("j", "s1", "a")]


def test_teams_of_an_older_version_bar_nothing(empty: Store) -> None:
    upgrade_to(empty, "0004")
    with empty.engine.begin() as conn:
        conn.exec_driver_sql("INSERT INTO teams (id, name, created_at) VALUES ('t', 'studio', 0)")
    upgrade(empty.engine)
    with empty.engine.connect() as conn:
        assert conn.exec_driver_sql("SELECT barred_classes FROM teams").scalar_one() == ""


def upgrade_to(store: Store, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
