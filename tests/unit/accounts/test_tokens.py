"""A token speaks for one artist, for a time, for some purposes; its secret is nowhere on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from wake_service.accounts import tokens
from wake_service.accounts.tokens import BELIEVED_SECONDS, PREFIX, Authenticator, Scope
from wake_service.clock import ManualClock
from wake_service.store.store import Store

BOTH = tokens.USUAL


async def issue(
    store: Store, artist: str, clock: ManualClock, scopes: frozenset[Scope] = BOTH, days: float | None = None
) -> tuple[str, str]:
    until = None if days is None else clock.now() + days * 86400
    return await store.write(lambda tx: tokens.create(tx, artist, "laptop", scopes, clock.now(), until))


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_a_token_speaks_for_its_artist(store: Store, mira: str, clock: ManualClock, authenticator: Authenticator) -> None:
    token_id, secret = await issue(store, mira, clock)
    who = await authenticator.identify(secret)
    assert who is not None
    assert (who.token_id, who.artist_id, who.artist_name, who.role) == (token_id, mira, "Mira", "artist")
    assert (who.team_id, who.team_name, who.month_budget_micros) == ("atelier", "Atelier", 20_000_000)


async def test_only_a_hash_reaches_the_disk(store: Store, mira: str, clock: ManualClock, tmp_path: Path) -> None:
    _, secret = await issue(store, mira, clock)
    store.close()
    written = on_disk(tmp_path)
    assert tokens.digest(secret).encode() in written
    assert secret.encode() not in written and secret.removeprefix(PREFIX).encode() not in written


async def test_two_tokens_are_never_alike_and_cannot_be_guessed(store: Store, mira: str, clock: ManualClock) -> None:
    secrets = {(await issue(store, mira, clock))[1] for _ in range(50)}
    assert len(secrets) == 50
    assert all(len(secret) >= len(PREFIX) + 43 for secret in secrets)


@pytest.mark.parametrize("wrong", ["", "wb_", "wb_unknown", "' OR 1=1 --", "ÿ" * 500, "\0"])
async def test_an_unknown_secret_speaks_for_nobody(mira: str, authenticator: Authenticator, wrong: str) -> None:
    assert await authenticator.identify(wrong) is None


@pytest.mark.parametrize("scopes", [frozenset({Scope.READ}), frozenset({Scope.PAINT}), BOTH])
async def test_a_token_is_good_for_what_it_was_made_for(
    store: Store, mira: str, clock: ManualClock, authenticator: Authenticator, scopes: frozenset[Scope]
) -> None:
    _, secret = await issue(store, mira, clock, scopes)
    who = await authenticator.identify(secret)
    assert who is not None and who.scopes == scopes


async def test_a_token_ends_at_its_moment_also_if_it_was_just_believed(
    store: Store, mira: str, clock: ManualClock, authenticator: Authenticator
) -> None:
    _, secret = await issue(store, mira, clock, days=1)
    await clock.advance(86400 - 0.5)
    assert await authenticator.identify(secret) is not None
    await clock.advance(0.5)
    assert await authenticator.identify(secret) is None


async def test_a_revocation_takes_effect_within_the_promised_time(
    store: Store, mira: str, clock: ManualClock, authenticator: Authenticator
) -> None:
    token_id, secret = await issue(store, mira, clock)
    assert await authenticator.identify(secret) is not None
    await store.write(lambda tx: tokens.revoke(tx, token_id, clock.now()))
    await clock.advance(BELIEVED_SECONDS)
    assert await authenticator.identify(secret) is None


async def test_a_token_that_was_made_a_moment_ago_works_within_the_promised_time(
    store: Store, mira: str, clock: ManualClock, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody tried it before it was there: that it was unknown is not believed for ever either."""
    monkeypatch.setattr(tokens.secrets, "token_urlsafe", lambda _bytes: "early")
    assert await authenticator.identify("wb_early") is None
    await issue(store, mira, clock)
    await clock.advance(BELIEVED_SECONDS)
    assert await authenticator.identify("wb_early") is not None


async def test_asking_often_reads_the_database_once(
    store: Store, mira: str, clock: ManualClock, authenticator: Authenticator
) -> None:
    _, secret = await issue(store, mira, clock)
    await authenticator.identify(secret)
    store.engine.dispose()
    store.close()  # a read would fail now
    assert await authenticator.identify(secret) is not None


async def test_a_token_is_revoked_once(store: Store, mira: str, clock: ManualClock) -> None:
    token_id, _ = await issue(store, mira, clock)
    outcomes = [await store.write(lambda tx: tokens.revoke(tx, token_id, clock.now())) for _ in range(2)]
    assert outcomes == [True, False]
    assert not await store.write(lambda tx: tokens.revoke(tx, "no such token", clock.now()))


async def test_the_list_tells_everything_but_the_secret(store: Store, mira: str, clock: ManualClock) -> None:
    first, secret = await issue(store, mira, clock, frozenset({Scope.READ}), days=1)
    await clock.advance(1)
    second, _ = await issue(store, mira, clock)
    rows = await store.read(tokens.listing)
    assert [(row.id, row.name, row.artist, row.scopes) for row in rows] == [
        (first, "laptop", "Mira", "read"),
        (second, "laptop", "Mira", "paint read"),
    ]
    assert secret not in str(rows) and tokens.digest(secret) not in str(rows)
