"""What artists' files and assets call blobs: such a name holds its blob until it goes, a while after its last use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, or_, select, tuple_

from wake_service.blobs.life import Retention
from wake_service.store.store import Transaction
from wake_service.store.tables import assets, files, job_inputs, jobs

#: Artist, folder, subfolder, name.
FileKey: TypeAlias = tuple[str, str, str, str]
#: `old(connection, retention=…, now=…)`: what may go, as far as can be seen now.
Old: TypeAlias = Callable[..., list[Any]]
#: `let_go(transaction, keys=…, retention=…, now=…)` deletes those of these that still may go; how many went.
LetGo: TypeAlias = Callable[..., int]

_KEY = (files.c.artist_id, files.c.folder, files.c.subfolder, files.c.name)


def old_files(conn: Connection, retention: Retention, now: float) -> list[FileKey]:
    """Files that have had their time."""
    return [tuple(row) for row in conn.execute(select(*_KEY).where(_old_file(retention, now)))]


def let_files_go(tx: Transaction, keys: Sequence[FileKey], retention: Retention, now: float) -> int:
    """Deletes those of these files that nobody has used meanwhile; how many went."""
    return tx.conn.execute(delete(files).where(tuple_(*_KEY).in_(keys), _old_file(retention, now))).rowcount


def old_assets(conn: Connection, retention: Retention, now: float) -> list[str]:
    """Assets that have had their time, or the time that their owner gave them."""
    return list(conn.execute(select(assets.c.id).where(_old_asset(retention, now))).scalars())


def let_assets_go(tx: Transaction, keys: Sequence[str], retention: Retention, now: float) -> int:
    """Deletes those of these assets that nobody has used meanwhile; how many went."""
    return tx.conn.execute(delete(assets).where(assets.c.id.in_(keys), _old_asset(retention, now))).rowcount


def _old_file(retention: Retention, now: float) -> ColumnElement[bool]:
    temp, other = retention.temp_expired(now), retention.expired(now)
    old = (files.c.at <= other) & _unused(files, other)
    return or_(old, (files.c.folder == "temp") & (files.c.at <= temp) & _unused(files, temp))


def _old_asset(retention: Retention, now: float) -> ColumnElement[bool]:
    moment = retention.expired(now)
    return or_(assets.c.expires_at <= now, (assets.c.created_at <= moment) & _unused(assets, moment))


def _unused(table: Table, moment: float) -> ColumnElement[bool]:
    """No job that has made it or starts from it is unfinished, or ended after this moment."""
    at_work: Any = jobs.c.finished_at.is_(None) | (jobs.c.finished_at > moment)
    made = exists().where(jobs.c.id == table.c.job_id, at_work)
    same = (job_inputs.c.artist_id == table.c.artist_id) & (job_inputs.c.sha256 == table.c.sha256)
    started = exists().where(same, jobs.c.id == job_inputs.c.job_id, at_work)
    return ~made & ~started
