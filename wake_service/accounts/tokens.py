"""Tokens: hashed, scoped, expiring, revocable. The secret itself is shown once and stored nowhere."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from enum import StrEnum

from cachetools import LRUCache
from sqlalchemy import Connection, Row, delete, insert, select, update

from wake_service.accounts import bars
from wake_service.clock import Clock
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import artists, teams, tokens

PREFIX = "wb_"
#: How long a token that was looked up is believed: a revocation takes effect within this many seconds.
BELIEVED_SECONDS = 2.0


class Scope(StrEnum):
    """What a token is good for."""

    PAINT = "paint"
    READ = "read"
    #: To paint, but with clients of ComfyUI through the gateway alone; the only ones that may stand in an address are this and
    #: the next.
    GATEWAY = "gateway"
    #: To look on through the gateway.
    GATEWAY_LOOK = "gateway_look"


#: What a token is good for unless something else is said.
USUAL = frozenset({Scope.PAINT, Scope.READ})
#: What may be done with an address that holds a token.
LINKS = frozenset({Scope.GATEWAY, Scope.GATEWAY_LOOK})


class Role(StrEnum):
    """What a person may do."""

    ARTIST = "artist"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a valid token speaks for."""

    token_id: str
    artist_id: str
    artist_name: str
    role: str
    team_id: str
    team_name: str
    month_budget_micros: int | None
    scopes: frozenset[str]
    expires_at: float | None
    #: Classes of models that the team does not paint with.
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as an admin sees it."""

    id: str
    name: str
    artist: str
    scopes: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None

    def state(self, now: float) -> str:
        """`valid`, `expired` or `revoked`."""
        return "revoked" if self.revoked_at else "expired" if self.expires_at and self.expires_at <= now else "valid"


def digest(secret: str) -> str:
    """What is stored of a secret. A plain hash is enough: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(
    tx: Transaction, artist_id: str, name: str, scopes: frozenset[Scope], now: float, expires_at: float | None = None
) -> tuple[str, str]:
    """A new token for an artist: its id and the secret, which cannot be read again."""
    token_id, secret = str(uuid.uuid4()), PREFIX + secrets.token_urlsafe(32)
    tx.conn.execute(
        insert(tokens).values(
            id=token_id,
            artist_id=artist_id,
            name=name,
            hash=digest(secret),
            scopes=" ".join(sorted(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return token_id, secret


def revoke(tx: Transaction, token_id: str, now: float) -> bool:
    """Ends a token. False if there is no such token, or it was revoked before."""
    open_ones = (tokens.c.id == token_id) & tokens.c.revoked_at.is_(None)
    return tx.conn.execute(update(tokens).where(open_ones).values(revoked_at=now)).rowcount == 1


def is_good(conn: Connection, token_id: str, now: float) -> bool:
    """Whether a token still opens anything."""
    alive = tokens.c.expires_at.is_(None) | (tokens.c.expires_at > now)
    return (
        conn.execute(select(tokens.c.id).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None), alive)).first() is not None
    )


def forget(tx: Transaction, ended_before: float, limit: int) -> int:
    """Deletes tokens that were revoked or had expired by then; at most `limit` at once. How many went."""
    ended = (tokens.c.revoked_at <= ended_before) | (tokens.c.expires_at <= ended_before)
    return tx.conn.execute(delete(tokens).where(tokens.c.id.in_(select(tokens.c.id).where(ended).limit(limit)))).rowcount


def listing(conn: Connection) -> list[TokenRow]:
    """All tokens, oldest first."""
    columns = (tokens.c.id, tokens.c.name, artists.c.name, tokens.c.scopes, tokens.c.created_at, tokens.c.expires_at)
    query = select(*columns, tokens.c.revoked_at).join(artists).order_by(tokens.c.created_at)
    return [TokenRow(*row) for row in conn.execute(query)]


class Authenticator:
    """Finds out whom a token speaks for."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._believed: LRUCache[str, tuple[float, Identity | None]] = LRUCache(4096)

    async def identify(self, secret: str) -> Identity | None:
        """The token's identity; None when it is unknown, expired or revoked."""
        now = self._clock.now()
        until, identity = self._believed.get(secret, (0.0, None))
        if until <= now:
            hashed = digest(secret)
            identity = await self._store.read(lambda conn: _look_up(conn, hashed))
            self._believed[secret] = (now + BELIEVED_SECONDS, identity)
        if identity is None or (identity.expires_at is not None and identity.expires_at <= now):
            return None
        return identity

    def forget(self) -> None:
        """Looks every token up afresh from now on."""
        self._believed.clear()


def _look_up(conn: Connection, hashed: str) -> Identity | None:
    query = (
        select(tokens, artists.c.name.label("artist"), artists.c.role, teams.c.id.label("team_id"), teams.c.name.label("team"))
        .add_columns(teams.c.month_budget_micros, teams.c.barred_classes)
        .select_from(tokens.join(artists).join(teams))
        .where(tokens.c.hash == hashed, tokens.c.revoked_at.is_(None))
    )
    row = conn.execute(query).one_or_none()
    return _identity(row) if row else None


def _identity(row: Row[tuple[object, ...]]) -> Identity:
    return Identity(
        token_id=row.id,
        artist_id=row.artist_id,
        artist_name=row.artist,
        role=row.role,
        team_id=row.team_id,
        team_name=row.team,
        month_budget_micros=row.month_budget_micros,
        scopes=frozenset(row.scopes.split()),
        expires_at=row.expires_at,
        barred=bars.read(row.barred_classes),
    )
