"""`wakebrush token`, beside a running service and without one: sentences, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wake_service.accounts import people
from wake_service.cli import main
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def wakebrush(data: Path) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(main, [*words, "--data", str(data)], catch_exceptions=False)


def test_a_token_is_made_listed_without_its_secret_and_revoked_once(wakebrush: Callable[..., Result]) -> None:
    made = wakebrush("token", "create", "--name", "laptop", "--scope", "read", "--days", "30")
    secret = made.stdout.strip()
    assert (made.exit_code, secret[:3]) == (0, "wb_")
    listed = wakebrush("token", "list").stdout
    assert "laptop" in listed and "valid" in listed and secret not in listed
    token_id = listed.split()[0]
    assert wakebrush("token", "revoke", token_id).exit_code == 0
    assert "revoked" in wakebrush("token", "list").stdout
    again = wakebrush("token", "revoke", token_id)
    assert (again.exit_code, token_id in again.output) == (1, True)


@pytest.mark.parametrize(
    "words",
    [("--artist", "nobody"), ("--days", "0"), ("--days", "-1"), ("--scope", "everything")],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said(wakebrush: Callable[..., Result], words: tuple[str, str]) -> None:
    refused = wakebrush("token", "create", *words)
    assert refused.exit_code != 0
    assert words[1] in refused.output and "Traceback" not in refused.output


def test_the_command_line_leaves_the_budget_of_the_service_alone(wakebrush: Callable[..., Result], data: Path) -> None:
    wakebrush("token", "list")
    store = Store.sqlite(data / "wakebrush.db")
    with store.engine.begin() as conn:
        people.limit_default_team(Transaction(conn), 5_000_000)
    wakebrush("token", "create")
    with store.engine.connect() as conn:
        assert list(people.limits(conn).values()) == [5_000_000]
    store.close()


def test_data_of_a_newer_version_is_refused_with_a_sentence(wakebrush: Callable[..., Result], data: Path) -> None:
    data.mkdir()
    store = Store.sqlite(data / "wakebrush.db")
    upgrade(store.engine)
    with store.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    refused = wakebrush("token", "list")
    assert (refused.exit_code, "newer Wakebrush" in refused.output) == (1, True)


def test_a_data_folder_that_cannot_be_one_is_refused_with_a_sentence(wakebrush: Callable[..., Result], data: Path) -> None:
    data.parent.joinpath("file").write_text("x")
    refused = CliRunner().invoke(main, ["token", "list", "--data", str(data.parent / "file" / "inside")])
    assert (refused.exit_code, "cannot be used" in refused.output) == (1, True)


def test_a_wrong_setting_is_named(wakebrush: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEBRUSH_IDLE_SECONDS", "soon")
    refused = wakebrush("token", "list")
    assert (refused.exit_code, "idle_seconds" in refused.output) == (1, True)


def test_a_file_of_settings_that_cannot_be_read_is_named(wakebrush: Callable[..., Result], data: Path) -> None:
    data.mkdir()
    (data / "wakebrush.toml").write_text("idle_seconds = ")
    refused = wakebrush("token", "list")
    assert (refused.exit_code, "wakebrush.toml" in refused.output) == (1, True)
