"""Workflows in the database. No decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, insert, select, update

from wake_service.jobs.model import Face
from wake_service.store.store import Transaction
from wake_service.store.tables import jobs, workflows

#: The faces whose jobs are graphs.
FACES = (Face.COMFY, Face.V2, Face.EAS)


@dataclass(frozen=True, slots=True)
class Stored:
    """A workflow as it is stored. `graph`, `extra`, `targets`, `outputs`, `meta` and `messages` are JSON."""

    job_id: str
    artist_id: str
    graph: bytes
    extra: str
    client_id: str | None
    number: float
    targets: str
    node_errors: str = "{}"
    outputs: str = "{}"
    meta: str = "{}"
    messages: str = "[]"
    labels: str | None = None


def add(tx: Transaction, stored: Stored) -> None:
    """Writes an accepted graph down."""
    tx.conn.execute(_ADD, asdict(stored))


def load(conn: Connection, job_id: str) -> Stored | None:
    """One workflow."""
    row = conn.execute(_LOAD, {"of_job": job_id}).one_or_none()
    return Stored(*row) if row else None


def load_all(conn: Connection, job_ids: Sequence[str]) -> dict[str, Stored]:
    """Workflows by job."""
    found: dict[str, Stored] = {}
    for start in range(0, len(job_ids), 500):
        rows = conn.execute(select(*_COLUMNS).where(workflows.c.job_id.in_(job_ids[start : start + 500])))
        found.update((row.job_id, Stored(*row)) for row in rows)
    return found


def change(tx: Transaction, job_id: str, **values: Any) -> None:
    """Writes some of a workflow's columns; what is not a string yet becomes JSON."""
    written = {name: value if isinstance(value, str | bool) else orjson.dumps(value).decode() for name, value in values.items()}
    tx.conn.execute(_CHANGE, {"of_job": job_id, **written})


def finished(conn: Connection, artist_id: str, *, limit: int | None = None, offset: int = -1) -> list[str]:
    """Ids of an artist's finished and shown workflows, oldest first: the last `limit`, or `limit` from `offset` on."""
    query = _shown(artist_id).order_by(jobs.c.finished_at, jobs.c.place)
    if offset >= 0:
        query = query.offset(offset) if limit is None else query.offset(offset).limit(limit)
        return [row.id for row in conn.execute(query)]
    if limit is None:
        return [row.id for row in conn.execute(query)]
    newest = _shown(artist_id).order_by(jobs.c.finished_at.desc(), jobs.c.place.desc()).limit(limit)
    return [row.id for row in conn.execute(newest)][::-1]


def is_hidden(conn: Connection, job_id: str) -> bool:
    """Whether its artist has taken it out of her history."""
    query = select(workflows.c.hidden).where(workflows.c.job_id == job_id)
    return bool(conn.execute(query).scalar_one_or_none())


def hide(tx: Transaction, artist_id: str, job_ids: Sequence[str] | None) -> None:
    """Takes finished workflows out of an artist's history; None: all."""
    hers = workflows.c.artist_id == artist_id
    ended = workflows.c.job_id.in_(select(jobs.c.id).where(jobs.c.artist_id == artist_id, jobs.c.finished_at.is_not(None)))
    where = hers & ended if job_ids is None else hers & ended & workflows.c.job_id.in_(job_ids)
    tx.conn.execute(update(workflows).where(where).values(hidden=True))


def untold(conn: Connection, since: float) -> list[str]:
    """Workflows that ended since then, of whose end no client was told."""
    query = select(jobs.c.id).join(workflows, workflows.c.job_id == jobs.c.id)
    return list(conn.execute(query.where(jobs.c.finished_at >= since, workflows.c.told.is_(False))).scalars())


def _shown(artist_id: str) -> Select[Any]:
    query = select(jobs.c.id).join(workflows, workflows.c.job_id == jobs.c.id)
    mine = (jobs.c.artist_id == artist_id) & jobs.c.face.in_(FACES)
    return query.where(mine, jobs.c.finished_at.is_not(None), workflows.c.hidden.is_(False))


_COLUMNS = (
    workflows.c.job_id,
    workflows.c.artist_id,
    workflows.c.graph,
    workflows.c.extra,
    workflows.c.client_id,
    workflows.c.number,
    workflows.c.targets,
    workflows.c.node_errors,
    workflows.c.outputs,
    workflows.c.meta,
    workflows.c.messages,
    workflows.c.labels,
)
# What every workflow needs is built once: to build a statement takes longer than SQLite's whole work on it.
_ADD = insert(workflows)
_LOAD = select(*_COLUMNS).where(workflows.c.job_id == bindparam("of_job"))
_CHANGE = update(workflows).where(workflows.c.job_id == bindparam("of_job"))
