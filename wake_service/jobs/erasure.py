"""An artist takes her pictures back: holds, results, files and prompts of finished jobs go; what others have stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, select, update

from wake_service.blobs.records import drop_grants_of
from wake_service.errors import RequestError
from wake_service.jobs import events
from wake_service.jobs.model import UNFINISHED
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import assets, files, job_inputs, jobs, results, userdata, workflows

#: Rows in one transaction at most: others wait for the writer meanwhile.
_AT_ONCE = 500
#: What is left of a client's graph, and of what was said of it.
_NO_WORDS: dict[str, Any] = {
    "graph": b"{}",
    "labels": None,
    "hidden": True,
    **dict.fromkeys(("extra", "node_errors", "outputs", "meta"), "{}"),
    **dict.fromkeys(("targets", "messages"), "[]"),
}
_UNFINISHED = [state.value for state in UNFINISHED]


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went: jobs whose prompts were emptied, their pictures, and uploads and pictures she had a hold on."""

    jobs: int
    pictures: int
    held: int


async def erase_all(store: Store, artist_id: str) -> Erased:
    """Everything of one artist. Raises RequestError `jobs_unfinished`; a crash in the middle leaves work for the next call."""
    await store.read(partial(_check_finished, artist_id=artist_id, job_id=None))
    emptied, last = 0, -1
    while rows := await store.read(partial(_finished, artist_id=artist_id, after=last)):
        last = rows[-1].place
        emptied += await store.write(partial(_empty, rows=rows))
    return await store.write(partial(_erase_rest, artist_id, emptied, last))


async def erase_job(store: Store, artist_id: str, job_id: str) -> int:
    """One job's pictures and prompt; how many pictures. Raises RequestError `jobs_unfinished`."""
    return await store.write(partial(_erase_job, artist_id, job_id))


def _erase_rest(artist_id: str, emptied: int, last: int, tx: Transaction) -> Erased:
    _check_finished(tx.conn, artist_id, None)
    while rows := _finished(tx.conn, artist_id, last):  # accepted and finished since the others were read
        last = rows[-1].place
        emptied += _empty(tx, rows)
    tx.conn.execute(delete(job_inputs).where(job_inputs.c.artist_id == artist_id))
    for each in (files, assets, userdata):
        tx.conn.execute(delete(each).where(each.c.artist_id == artist_id))
    tx.conn.execute(update(workflows).where(workflows.c.artist_id == artist_id).values(**_NO_WORDS))
    pictures = tx.conn.execute(delete(results).where(results.c.artist_id == artist_id)).rowcount
    held = drop_grants_of(tx, artist_id)
    events.forget_through(tx, artist_id, events.position(tx.conn, artist_id).seq)
    return Erased(emptied, pictures, held)


def _erase_job(artist_id: str, job_id: str, tx: Transaction) -> int:
    _check_finished(tx.conn, artist_id, job_id)
    _empty(tx, tx.conn.execute(select(jobs.c.place, jobs.c.request).where(jobs.c.id == job_id)).all())
    tx.conn.execute(delete(job_inputs).where(job_inputs.c.job_id == job_id))
    pictures = tx.conn.execute(delete(results).where(results.c.job_id == job_id)).rowcount
    events.forget_job(tx, artist_id, job_id)
    return pictures


def _check_finished(conn: Connection, artist_id: str, job_id: str | None) -> None:
    query = select(jobs.c.id).where(jobs.c.artist_id == artist_id, jobs.c.state.in_(_UNFINISHED))
    if conn.execute(query if job_id is None else query.where(jobs.c.id == job_id)).first() is not None:
        raise RequestError(
            409,
            "jobs_unfinished",
            "Pictures are still being painted; nothing was deleted.",
            hint="Cancel them or wait for them, then delete.",
        )


def _finished(conn: Connection, artist_id: str, after: int) -> Sequence[Row[Any, Any]]:
    query = select(jobs.c.place, jobs.c.request).where(jobs.c.artist_id == artist_id, jobs.c.place > after)
    return conn.execute(query.where(jobs.c.state.not_in(_UNFINISHED)).order_by(jobs.c.place).limit(_AT_ONCE)).all()


def _empty(tx: Transaction, rows: Sequence[Row[Any, Any]]) -> int:
    changed = [(row.place, emptied) for row in rows if (emptied := _emptied(row.request)) != row.request]
    if changed:
        statement = update(jobs).where(jobs.c.place == bindparam("at")).values(request=bindparam("emptied"))
        tx.conn.execute(statement, [{"at": place, "emptied": request} for place, request in changed])
    return len(changed)


def _emptied(request: str) -> str:
    """A stored request without her words and without what she sent."""
    stored = orjson.loads(request)
    picture: dict[str, Any] = {"prompt": "", "negative_prompt": "", "reference": None, "image": None, "mask": None}
    picture |= {"overrides": None, "loras": [], "group": None}
    blank = {"files": {}} if "face" in stored else picture
    return orjson.dumps({**stored, **blank}).decode()
