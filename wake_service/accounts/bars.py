"""Which classes of models a team does not paint with (models/about.py: whether pictures made with one may be sold)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from wake_service.store.store import Transaction
from wake_service.store.tables import teams

#: What can be barred: models whose pictures may not be sold, and those of which one must ask.
CLASSES = ("no", "ask")


def read(text: str) -> frozenset[str]:
    """The classes in a team's column."""
    return frozenset(text.split())


def barred(conn: Connection) -> dict[str, frozenset[str]]:
    """What each team has barred, by its name."""
    query = select(teams.c.name, teams.c.barred_classes).order_by(teams.c.name)
    return {row.name: read(row.barred_classes) for row in conn.execute(query)}


def change(tx: Transaction, team: str, *, bar: Collection[str] = (), allow: Collection[str] = ()) -> frozenset[str] | None:
    """Bars and allows classes; what the team has barred then. None when there is no such team."""
    found = barred(tx.conn).get(team)
    if found is None:
        return None
    now = (found | frozenset(bar)) - frozenset(allow)
    tx.conn.execute(update(teams).where(teams.c.name == team).values(barred_classes=" ".join(sorted(now))))
    return now
