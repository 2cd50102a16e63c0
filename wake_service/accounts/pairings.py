"""Pairing: a code that is good once, for minutes, becomes a computer's own token.

What is stored of a code is a slow hash: a code is short enough to be typed, so a quick one could be tried through by whoever gets
hold of the database. With this one all codes take a computer of today some thousand years, and a code is good for minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, insert, select

from wake_service.accounts import people, tokens
from wake_service.accounts.attempts import Attempts
from wake_service.accounts.tokens import Role
from wake_service.clock import Clock
from wake_service.errors import WakebrushError
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import artists, invitations, teams

#: No character that is taken for another one when it is read aloud or typed.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
LENGTH = 8
USUAL_MINUTES, MOST_MINUTES = 15.0, 1440.0
_MOST_NAME = 100
#: The same for all, so that one hash finds a code; there are too many codes to hash them beforehand.
_SALT = b"wakebrush pairing code"
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a code will speak for. `token_days`: how long the token lasts that it becomes; None: until it is revoked."""

    artist: str
    team: str
    role: Role
    token_days: float | None = None


@dataclass(frozen=True, slots=True)
class Paired:
    """A computer's new token, which cannot be read again. `expires_at` in epoch seconds, None: never."""

    token: str
    artist_id: str
    artist: str
    team: str
    expires_at: float | None


class TooManyTries(Exception):
    """Too many wrong codes came from one address. `wait`: seconds until the next one is looked at."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"too many wrong codes; the next one is looked at in {wait:.0f} s")
        self.wait = wait


class Pairing:
    """Redeems codes for whoever asks, few wrong ones at a time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._attempts = Attempts(clock)
        self._hashing = asyncio.Semaphore(1)

    async def redeem(self, code: str, computer: str, address: str) -> Paired | None:
        """A token for the code's artist; None for a code that is not good (any more). Raises TooManyTries."""
        if (wait := self._attempts.begin(address)) > 0:
            raise TooManyTries(wait)
        async with self._hashing:  # guessing takes no more than one core
            code_hash = await asyncio.to_thread(hashed, code)
        work = partial(redeem, code_hash=code_hash, computer=computer, now=self._clock.now())
        paired = await self._store.write(work)
        if paired is not None:
            self._attempts.forgive(address)
        return paired


def new_code() -> str:
    """A code as it is stored and compared: eight letters and digits, about 40 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def spoken(code: str) -> str:
    """The code as people see it: `ABCD-EFGH`."""
    return f"{code[:4]}-{code[4:]}"


def hashed(code: str) -> str:
    """What is stored of a code, however it was typed. Takes about 50 ms on purpose."""
    plain = "".join(each for each in code.upper() if each.isalnum())
    return hashlib.scrypt(plain.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=32).hex()


def invite(tx: Transaction, invitation: Invitation, code_hash: str, now: float, expires_at: float) -> None:
    """Stores an invitation. Raises WakebrushError when its artist is already there with another team or role."""
    team, role = _artist(tx, invitation.artist) or (invitation.team, invitation.role)
    if team != invitation.team:
        raise WakebrushError(f"{invitation.artist} belongs to team “{team}”; leave out --team, or invite another name.")
    if role != invitation.role:
        raise WakebrushError(f"{invitation.artist} is there already, as {role}; an invitation does not change that.")
    tx.conn.execute(
        insert(invitations).values(
            code_hash=code_hash,
            artist=invitation.artist,
            team=invitation.team,
            role=invitation.role,
            token_days=invitation.token_days,
            created_at=now,
            expires_at=expires_at,
        )
    )


def for_whom(tx: Transaction, name: str, team: str | None, admin: bool, token_days: float | None) -> Invitation:
    """The invitation of a name: who is there already keeps her team and role. Raises WakebrushError for what is no name."""
    given = name.strip()
    if not given or len(given) > _MOST_NAME or not given.isprintable():
        raise WakebrushError(f"A name has 1 to {_MOST_NAME} characters, and nothing that cannot be seen.")
    known_team, known_role = _artist(tx, given) or (people.DEFAULT_TEAM, Role.ARTIST)
    role = Role.ADMIN if admin else Role(known_role)
    return Invitation(given, (team or "").strip() or known_team, role, token_days)


def redeem(tx: Transaction, code_hash: str, computer: str, now: float) -> Paired | None:
    """Makes a token for the code's artist, who is made when she is new. None when it is unknown, used up or too old."""
    found = tx.conn.execute(select(invitations).where(invitations.c.code_hash == code_hash)).one_or_none()
    if found is None or found.expires_at <= now:
        return None
    tx.conn.execute(delete(invitations).where(invitations.c.code_hash == code_hash))
    artist_id = people.find(tx.conn, found.artist)
    if artist_id is None:
        artist_id = people.add(tx, people.ensure_team(tx, found.team, now), found.artist, Role(found.role), now)
    expires_at = None if found.token_days is None else now + found.token_days * _DAY
    name = f"Krita on {computer}" if computer else "Krita"
    _, secret = tokens.create(tx, artist_id, name, tokens.USUAL, now, expires_at)
    return Paired(secret, artist_id, found.artist, found.team, expires_at)


def forget(tx: Transaction, ended_before: float, limit: int) -> int:
    """Deletes invitations that had ended by then; at most `limit` at once. How many went."""
    ended = select(invitations.c.code_hash).where(invitations.c.expires_at <= ended_before).limit(limit)
    return tx.conn.execute(delete(invitations).where(invitations.c.code_hash.in_(ended))).rowcount


def _artist(tx: Transaction, name: str) -> tuple[str, str] | None:
    """The team and the role of who is there by that name."""
    query = select(teams.c.name.label("team"), artists.c.role).select_from(artists.join(teams)).where(artists.c.name == name)
    row = tx.conn.execute(query).one_or_none()
    return None if row is None else (str(row.team), str(row.role))
