"""Jobs of the Comfy API v2 in the database. No decisions."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from wake_service.jobs.model import Face
from wake_service.store.store import Transaction
from wake_service.store.tables import jobs, workflows


def places(conn: Connection, artist_id: str, before: int | None, limit: int) -> list[tuple[int, str]]:
    """Places in the order of arrival and ids of an artist's jobs, newest first, without those that left her history."""
    query = select(jobs.c.place, jobs.c.id).join(workflows, workflows.c.job_id == jobs.c.id)
    query = query.where(jobs.c.artist_id == artist_id, jobs.c.face == Face.V2, workflows.c.hidden.is_(False))
    if before is not None:
        query = query.where(jobs.c.place < before)
    return [(row.place, row.id) for row in conn.execute(query.order_by(jobs.c.place.desc()).limit(limit))]


def release_key(tx: Transaction, artist_id: str, key: str, used_before: float) -> bool:
    """Lets an idempotency key be used again if the job that has it is from before then (epoch seconds); whether it was."""
    holds = (jobs.c.artist_id == artist_id) & (jobs.c.idempotency_key == key) & (jobs.c.created_at <= used_before)
    return tx.conn.execute(update(jobs).where(holds).values(idempotency_key=None)).rowcount == 1


def release_refused(tx: Transaction, artist_id: str, client_id: str | None) -> None:
    """The same for the job of a graph that its engine refused before anybody was told of a job."""
    refused = select(workflows.c.job_id).where(workflows.c.artist_id == artist_id, workflows.c.client_id == client_id)
    tx.conn.execute(update(jobs).where(jobs.c.id.in_(refused)).values(idempotency_key=None))
