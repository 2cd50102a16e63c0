"""Links: addresses of the gateway that hold a token of a few hours, for people and programs that can send none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from wake_service.accounts import tokens
from wake_service.accounts.tokens import LINKS, Scope, TokenRow
from wake_service.store.store import Transaction
from wake_service.store.tables import tokens as table

#: The longest that a link works.
MAX_HOURS = 12.0
#: What all links are called, among other tokens.
NAME = "link"


@dataclass(frozen=True, slots=True)
class Link:
    """A new link. `secret` stands in its address and cannot be read again; `expires_at` in epoch seconds."""

    id: str
    secret: str
    expires_at: float
    look_only: bool

    def url(self, gateway: str) -> str:
        """Its address, given the gateway's."""
        return f"{gateway.rstrip('/')}/t/{self.secret}/"


def create(tx: Transaction, artist_id: str, now: float, *, hours: float = MAX_HOURS, look_only: bool = False) -> Link:
    """A new link in an artist's name. `hours` above 0, up to MAX_HOURS (more is cut)."""
    expires_at = now + min(hours, MAX_HOURS) * 3600
    scope = Scope.GATEWAY_LOOK if look_only else Scope.GATEWAY
    token_id, secret = tokens.create(tx, artist_id, NAME, frozenset({scope}), now, expires_at)
    return Link(token_id, secret, expires_at, look_only)


def listing(conn: Connection) -> list[TokenRow]:
    """All links, oldest first."""
    return [row for row in tokens.listing(conn) if _is_link(row.scopes, row.expires_at)]


def revoke(tx: Transaction, link_id: str, now: float, artist_id: str | None = None) -> bool:
    """Ends a link, at once for new requests. False if there is no such link (of this artist), or it was revoked before."""
    query = select(table.c.artist_id, table.c.scopes, table.c.expires_at).where(table.c.id == link_id)
    row = tx.conn.execute(query).one_or_none()
    if row is None or not _is_link(row.scopes, row.expires_at) or artist_id not in (None, row.artist_id):
        return False
    return tokens.revoke(tx, link_id, now)


def _is_link(scopes: str, expires_at: float | None) -> bool:
    return expires_at is not None and frozenset(scopes.split()) <= LINKS
