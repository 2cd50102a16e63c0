"""Artists and their teams."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from wake_service.accounts.tokens import Role
from wake_service.store.store import Transaction
from wake_service.store.tables import artists, streams, teams

#: The one artist of a service on her own computer.
DEFAULT_ARTIST = "artist"
DEFAULT_TEAM = "studio"


def ensure_default(tx: Transaction, now: float) -> str:
    """The default artist's id; makes her and her team when there is nobody."""
    artist_id = find(tx.conn, DEFAULT_ARTIST)
    if artist_id is None:
        artist_id = add(tx, ensure_team(tx, DEFAULT_TEAM, now), DEFAULT_ARTIST, Role.ADMIN, now)
    return artist_id


def ensure_team(tx: Transaction, name: str, now: float) -> str:
    """The id of the team of that name, which is made when there is none."""
    found: str | None = tx.conn.execute(select(teams.c.id).where(teams.c.name == name).limit(1)).scalar_one_or_none()
    if found is not None:
        return found
    team_id = str(uuid.uuid4())
    tx.conn.execute(insert(teams).values(id=team_id, name=name, created_at=now))
    return team_id


def limit_default_team(tx: Transaction, month_budget_micros: int | None) -> None:
    """Sets the default team's budget for a calendar month; None: no limit."""
    tx.conn.execute(update(teams).where(teams.c.name == DEFAULT_TEAM).values(month_budget_micros=month_budget_micros))


def limits(conn: Connection) -> dict[str, int | None]:
    """The monthly budget of every team, by id."""
    return {row.id: row.month_budget_micros for row in conn.execute(select(teams.c.id, teams.c.month_budget_micros))}


def count(conn: Connection) -> int:
    """How many artists there are."""
    return conn.execute(select(func.count()).select_from(artists)).scalar_one()


@dataclass(frozen=True, slots=True)
class Names:
    """Everybody by id."""

    of_artists: dict[str, str]
    of_teams: dict[str, str]

    def artist(self, artist_id: str) -> dict[str, str]:
        """Her id and name."""
        return {"id": artist_id, "name": self.of_artists[artist_id]}

    def team(self, team_id: str) -> dict[str, str]:
        """Its id and name."""
        return {"id": team_id, "name": self.of_teams[team_id]}

    def artists(self) -> list[dict[str, str]]:
        """All artists, by name."""
        return [self.artist(artist_id) for artist_id in sorted(self.of_artists, key=self.of_artists.__getitem__)]

    def teams(self) -> list[dict[str, str]]:
        """All teams, by name."""
        return [self.team(team_id) for team_id in sorted(self.of_teams, key=self.of_teams.__getitem__)]


def names(conn: Connection) -> Names:
    """The names of all artists and teams."""
    by_id = [{row.id: row.name for row in conn.execute(select(table.c.id, table.c.name))} for table in (artists, teams)]
    return Names(*by_id)


def add(tx: Transaction, team_id: str, name: str, role: Role, now: float) -> str:
    """A new artist with an event stream of her own; her id."""
    artist_id = str(uuid.uuid4())
    tx.conn.execute(insert(artists).values(id=artist_id, team_id=team_id, name=name, role=role, created_at=now))
    tx.conn.execute(insert(streams).values(artist_id=artist_id, stream_id=str(uuid.uuid4()), seq=0, forgotten=0))
    return artist_id


def find(conn: Connection, name: str) -> str | None:
    """The id of the artist of that name."""
    found: str | None = conn.execute(select(artists.c.id).where(artists.c.name == name)).scalar_one_or_none()
    return found
