"""A code pairs one computer, once, for a while; it cannot be read from the database, nor guessed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from wake_service.accounts import pairings, people, tokens
from wake_service.accounts.attempts import Attempts
from wake_service.accounts.pairings import Invitation, Pairing, TooManyTries, hashed, new_code, spoken
from wake_service.accounts.tokens import Authenticator, Role
from wake_service.clock import ManualClock
from wake_service.errors import WakebrushError
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import invitations

NOOR = Invitation("Noor", "Film", Role.ARTIST)
MINUTE = 60.0


@pytest.fixture
def pairing(store: Store, clock: ManualClock) -> Pairing:
    return Pairing(store, clock)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def code_for(store: Store, clock: ManualClock, invitation: Invitation = NOOR, minutes: float = 15) -> str:
    code = new_code()
    now, until = clock.now(), clock.now() + minutes * MINUTE
    await store.write(partial(pairings.invite, invitation=invitation, code_hash=hashed(code), now=now, expires_at=until))
    return code


async def test_a_code_becomes_a_token_of_a_new_artist_in_a_new_team(
    store: Store, clock: ManualClock, pairing: Pairing, authenticator: Authenticator
) -> None:
    paired = await pairing.redeem(await code_for(store, clock), "desk", "10.0.0.1")
    assert paired is not None and (paired.artist, paired.team, paired.expires_at) == ("Noor", "Film", None)
    who = await authenticator.identify(paired.token)
    assert who is not None and (who.artist_name, who.team_name, who.role) == ("Noor", "Film", "artist")
    assert who.scopes == tokens.USUAL
    assert [row.name for row in await store.read(tokens.listing)] == ["Krita on desk"]


async def test_who_is_there_gets_another_computer(store: Store, clock: ManualClock, mira: str, pairing: Pairing) -> None:
    code = await code_for(store, clock, Invitation("Mira", "Atelier", Role.ARTIST, token_days=2))
    paired = await pairing.redeem(code, "", "10.0.0.1")
    assert paired is not None and (paired.artist_id, paired.expires_at) == (mira, clock.now() + 2 * 86400)
    assert await store.read(people.count) == 1


async def test_a_code_is_good_once(store: Store, clock: ManualClock, pairing: Pairing) -> None:
    code = await code_for(store, clock)
    assert await pairing.redeem(code, "", "10.0.0.1") is not None
    assert await pairing.redeem(code, "", "10.0.0.1") is None


async def test_a_code_is_over_at_its_moment(store: Store, clock: ManualClock, pairing: Pairing) -> None:
    code = await code_for(store, clock)
    await clock.advance(15 * MINUTE)
    assert await pairing.redeem(code, "", "10.0.0.1") is None


async def test_a_code_may_be_typed_as_it_is_heard(store: Store, clock: ManualClock, pairing: Pairing) -> None:
    code = spoken(await code_for(store, clock)).lower().replace("-", " - ")
    assert await pairing.redeem(f" {code}\n", "", "10.0.0.1") is not None


async def test_neither_code_nor_a_quick_hash_of_it_reaches_the_disk(store: Store, clock: ManualClock, tmp_path: Path) -> None:
    code = await code_for(store, clock)
    store.close()
    written = on_disk(tmp_path)
    assert hashed(code).encode() in written
    assert code.encode() not in written and spoken(code).encode() not in written
    assert tokens.digest(code).encode() not in written


def test_codes_are_never_alike_and_hold_nothing_that_is_mistaken() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500 and {len(code) for code in codes} == {8}
    assert not set("".join(codes)) & set("ILO01")


async def test_ten_wrong_codes_from_one_address_are_enough_for_a_quarter_of_an_hour(
    store: Store, clock: ManualClock, pairing: Pairing
) -> None:
    code = await code_for(store, clock, minutes=60)
    for _ in range(10):
        assert await pairing.redeem("WRONG", "", "10.0.0.1") is None
    with pytest.raises(TooManyTries) as refused:
        await pairing.redeem(code, "", "10.0.0.1")
    assert refused.value.wait == 900
    assert await pairing.redeem(code, "", "10.0.0.2") is not None
    await clock.advance(900)
    assert await pairing.redeem("WRONG", "", "10.0.0.1") is None


def test_many_tries_at_once_are_not_one(clock: ManualClock) -> None:
    attempts = Attempts(clock)
    assert [attempts.begin("10.0.0.1") for _ in range(11)] == [0.0] * 10 + [900.0]


def test_a_right_code_does_not_count(clock: ManualClock) -> None:
    attempts = Attempts(clock, most=1)
    for _ in range(5):
        assert attempts.begin("10.0.0.1") == 0.0
        attempts.forgive("10.0.0.1")
    attempts.forgive("never seen")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("", "10.0.0.1", False),
    ],
)
def test_one_household_is_one_guesser(clock: ManualClock, one: str, other: str, same: bool) -> None:
    attempts = Attempts(clock, most=1)
    attempts.begin(one)
    assert (attempts.begin(other) > 0) is same


async def test_an_invitation_changes_neither_team_nor_role(store: Store, clock: ManualClock, mira: str) -> None:
    for invitation in (Invitation("Mira", "Film", Role.ARTIST), Invitation("Mira", "Atelier", Role.ADMIN)):
        with pytest.raises(WakebrushError, match="Mira"):
            await code_for(store, clock, invitation)


@pytest.mark.parametrize(
    ("given", "invited"),
    [
        (("Mira", None, False), Invitation("Mira", "Atelier", Role.ARTIST)),
        ((" Noor ", None, False), Invitation("Noor", "studio", Role.ARTIST)),
        (("Noor", " Film ", True), Invitation("Noor", "Film", Role.ADMIN)),
    ],
)
async def test_who_is_invited_keeps_what_she_has(
    store: Store, mira: str, given: tuple[str, str | None, bool], invited: Invitation
) -> None:
    assert await store.write(lambda tx: pairings.for_whom(tx, *given, token_days=None)) == invited


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\0"])
async def test_what_is_no_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(WakebrushError, match="characters"):
        await store.write(lambda tx: pairings.for_whom(tx, name, None, False, None))


async def test_invitations_that_ended_are_forgotten(store: Store, clock: ManualClock) -> None:
    for minutes in (1, 2, 30):
        await code_for(store, clock, minutes=minutes)

    def forget(tx: Transaction) -> int:
        return pairings.forget(tx, ended_before=clock.now() + 10 * MINUTE, limit=1)

    assert [await store.write(forget) for _ in range(3)] == [1, 1, 0]
    assert len(await store.read(lambda conn: conn.execute(select(invitations)).all())) == 1
