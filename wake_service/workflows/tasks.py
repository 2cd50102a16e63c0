"""Tasks in the database: jobs whose results are handed to subscribers. No decisions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from wake_service.store.store import Transaction
from wake_service.store.tables import jobs, tasks
from wake_service.workflows.delivery import Task

#: Results of one artist that are looked at together; so many can be out at once.
MOST_OPEN = 2000


def add(tx: Transaction, job_id: str, artist_id: str, task_id: str) -> None:
    """Writes a task down, with its job."""
    tx.conn.execute(insert(tasks).values(job_id=job_id, artist_id=artist_id, task_id=task_id))


def named(conn: Connection, artist_id: str, task_id: str) -> Task | None:
    """An artist's task by the name that its client gave it."""
    row = conn.execute(_tasks(artist_id).where(tasks.c.task_id == task_id)).one_or_none()
    return Task(*row) if row else None


def of_job(conn: Connection, artist_id: str, job_id: str) -> Task | None:
    """An artist's task by its job."""
    row = conn.execute(_tasks(artist_id).where(tasks.c.job_id == job_id)).one_or_none()
    return Task(*row) if row else None


def finished(conn: Connection, artist_id: str, task_id: str | None = None) -> list[Task]:
    """An artist's tasks that have ended and whose results are not acknowledged, in order of finishing; or only the one."""
    query = _tasks(artist_id).where(tasks.c.acknowledged_at.is_(None), jobs.c.finished_at.is_not(None))
    if task_id is not None:
        query = query.where(tasks.c.task_id == task_id)
    return [Task(*row) for row in conn.execute(query.order_by(jobs.c.finished_at, jobs.c.place).limit(MOST_OPEN))]


def save(tx: Transaction, task: Task) -> None:
    """Writes how a task's result fares."""
    values = {
        "deliveries": task.deliveries,
        "redeliver_at": task.redeliver_at,
        "acknowledged_at": task.acknowledged_at,
    }
    tx.conn.execute(update(tasks).where(tasks.c.job_id == task.job_id).values(**values))


def _tasks(artist_id: str) -> Select[Any]:
    columns = (tasks.c.deliveries, tasks.c.redeliver_at, tasks.c.acknowledged_at)
    query = select(tasks.c.job_id, tasks.c.task_id, jobs.c.place, jobs.c.finished_at, *columns)
    return query.join(jobs, jobs.c.id == tasks.c.job_id).where(tasks.c.artist_id == artist_id)
