"""Who holds which picture, read from the database and let go of there. What may go is decided in life.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, or_, select, tuple_

from wake_service.blobs.life import Holding, Retention, may_go
from wake_service.store.store import Transaction
from wake_service.store.tables import assets, blob_grants, blobs, files, job_inputs, jobs, results

#: Whose, and which checksum.
Key: TypeAlias = tuple[str, str]


def ended(conn: Connection, retention: Retention, now: float) -> list[Key]:
    """Holds that have ended, as far as can be seen now."""
    not_pinned = (blob_grants.c.pinned_until <= now) & ~exists().where(_its_result()) & ~_is_named()
    return [(h.artist_id, h.sha256) for h in _holdings(conn, not_pinned) if may_go(h, retention, now)]


def let_go(tx: Transaction, keys: Sequence[Key], retention: Retention, now: float) -> int:
    """Ends those of these holds that still may go: somebody may have asked for the picture meanwhile. How many ended."""
    these = tuple_(blob_grants.c.artist_id, blob_grants.c.sha256).in_(keys)
    going = [(h.artist_id, h.sha256) for h in _holdings(tx.conn, these) if may_go(h, retention, now)]
    gone = tuple_(blob_grants.c.artist_id, blob_grants.c.sha256).in_(going)
    return tx.conn.execute(delete(blob_grants).where(gone)).rowcount if going else 0


def let_results_go(tx: Transaction, ended_before: float, limit: int) -> int:
    """Deletes results of jobs that ended by then; at most `limit` at once. How many went."""
    old = select(results.c.job_id, results.c.n).join(jobs, jobs.c.id == results.c.job_id)
    keys = [tuple(row) for row in tx.conn.execute(old.where(jobs.c.finished_at <= ended_before).limit(limit))]
    if keys:
        tx.conn.execute(delete(results).where(tuple_(results.c.job_id, results.c.n).in_(keys)))
    return len(keys)


def unheld(conn: Connection) -> list[str]:
    """Blobs that no artist holds."""
    return list(conn.execute(select(blobs.c.sha256).where(_nobodys())).scalars())


def forget_unheld(tx: Transaction, checksums: Sequence[str]) -> int:
    """Deletes the rows of those of these blobs that still nobody holds; how many went."""
    return tx.conn.execute(delete(blobs).where(blobs.c.sha256.in_(checksums), _nobodys())).rowcount


def _holdings(conn: Connection, where: ColumnElement[bool]) -> list[Holding]:
    return [Holding(**row._asdict()) for row in conn.execute(_query(where))]


def _query(where: ColumnElement[bool]) -> Select[tuple[str, str, float, int, float | None, int, int]]:
    same = (job_inputs.c.artist_id == blob_grants.c.artist_id) & (job_inputs.c.sha256 == blob_grants.c.sha256)
    starting = job_inputs.join(jobs, jobs.c.id == job_inputs.c.job_id)
    unfinished = select(func.count()).select_from(starting).where(same, jobs.c.finished_at.is_(None))
    last_ended = select(func.max(jobs.c.finished_at)).select_from(starting).where(same)
    shown = select(func.count()).select_from(results).where(_its_result()).correlate(blob_grants).scalar_subquery()
    called = (
        select(func.count()).select_from(files).where(_its_file()),
        select(func.count()).select_from(assets).where(_its_asset()),
    )
    named = called[0].correlate(blob_grants).scalar_subquery() + called[1].correlate(blob_grants).scalar_subquery()
    return select(
        blob_grants.c.artist_id,
        blob_grants.c.sha256,
        blob_grants.c.pinned_until,
        unfinished.correlate(blob_grants).scalar_subquery().label("jobs"),
        last_ended.correlate(blob_grants).scalar_subquery().label("last_ended_at"),
        shown.label("results"),
        named.label("named"),
    ).where(where)


def _its_result() -> ColumnElement[bool]:
    return (results.c.sha256 == blob_grants.c.sha256) & (results.c.artist_id == blob_grants.c.artist_id)


def _its_file() -> ColumnElement[bool]:
    return (files.c.sha256 == blob_grants.c.sha256) & (files.c.artist_id == blob_grants.c.artist_id)


def _its_asset() -> ColumnElement[bool]:
    return (assets.c.sha256 == blob_grants.c.sha256) & (assets.c.artist_id == blob_grants.c.artist_id)


def _is_named() -> ColumnElement[bool]:
    return exists().where(_its_file()) | exists().where(_its_asset())


def _nobodys() -> ColumnElement[bool]:
    held = (exists().where(table.c.sha256 == blobs.c.sha256) for table in (blob_grants, results, files, assets))
    return ~or_(*held)
