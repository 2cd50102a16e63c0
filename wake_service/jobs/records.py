"""Jobs in the database: rows to values and back. No decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from wake_service.comfy.progress import Stage
from wake_service.jobs.model import (
    UNFINISHED,
    Claim,
    Face,
    Job,
    JobError,
    JobRequest,
    JobState,
    Request,
    Result,
    WaitingFor,
    WorkflowRequest,
)
from wake_service.store.store import Transaction
from wake_service.store.tables import job_inputs, jobs, prompts, results, tasks, workflows

# What every job needs is built once: to build a statement takes longer than SQLite's whole work on it.
_INSERT = insert(jobs)
_ADD_PROMPTS = insert(prompts)
_SAVE = update(jobs).where(jobs.c.place == bindparam("at_place"), jobs.c.version == bindparam("at_version"))
_LEAVE = update(prompts).where(prompts.c.job_id == bindparam("of_job"), prompts.c.left_at.is_(None))
_BY_KEY = select(jobs).where(
    jobs.c.artist_id == bindparam("artist"), jobs.c.idempotency_key.in_(bindparam("keys", expanding=True))
)
_TAKEN = select(jobs.c.id).where(jobs.c.id.in_(bindparam("ids", expanding=True)))


def new_row(job: Job, idempotency_key: str | None, request_hash: str) -> dict[str, Any]:
    """A job that was just accepted, for `insert`."""
    return {
        "place": job.place,
        "id": job.id,
        "artist_id": job.artist_id,
        "team_id": job.team_id,
        "pool": job.pool,
        "face": job.request.face,
        "idempotency_key": idempotency_key,
        "request_hash": request_hash,
        "request": orjson.dumps(job.request).decode(),
        "created_at": job.created_at,
        **_changing(job),
    }


def insert_all(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Adds accepted jobs."""
    tx.conn.execute(_INSERT, rows)


def add_inputs(tx: Transaction, accepted: Iterable[Job]) -> None:
    """Notes which uploads jobs start from."""
    used = [(job, sha256) for job in accepted for sha256 in dict.fromkeys(job.request.inputs())]
    if used:
        rows = [{"job_id": job.id, "artist_id": job.artist_id, "sha256": sha256} for job, sha256 in used]
        tx.conn.execute(insert(job_inputs), rows)


def save(tx: Transaction, before: Job, after: Job) -> bool:
    """Writes a change; False when the job was changed by somebody else meanwhile."""
    which = {"at_place": before.place, "at_version": before.version}
    return tx.conn.execute(_SAVE, {**which, **_changing(after)}).rowcount == 1


def renew_claims(tx: Transaction, owner: str, expires_at: float) -> None:
    """Says that `owner` still works on what it claimed."""
    tx.conn.execute(update(jobs).where(jobs.c.claim_owner == owner).values(claim_expires_at=expires_at))


def load_unfinished(conn: Connection) -> list[Job]:
    """Every job that is not at its end, in order of arrival."""
    states = [state.value for state in UNFINISHED]
    return _jobs(conn, conn.execute(select(jobs).where(jobs.c.state.in_(states)).order_by(jobs.c.place)).all())


def last_place(conn: Connection) -> int:
    """The highest place given so far."""
    return conn.execute(select(jobs.c.place).order_by(jobs.c.place.desc()).limit(1)).scalar_one_or_none() or 0


def load(conn: Connection, job_id: str) -> Job | None:
    """One job, finished or not."""
    found = _jobs(conn, conn.execute(select(jobs).where(jobs.c.id == job_id)).all())
    return found[0] if found else None


def load_many(conn: Connection, job_ids: Sequence[str]) -> list[Job]:
    """Jobs by their ids, in that order."""
    found: dict[str, Job] = {}
    for chunk in _chunks(list(job_ids), 500):
        found.update((job.id, job) for job in _jobs(conn, conn.execute(select(jobs).where(jobs.c.id.in_(chunk))).all()))
    return [found[job_id] for job_id in job_ids if job_id in found]


def by_key(conn: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, Job]]:
    """Jobs by (artist, idempotency key), each with the hash of the request that made it."""
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for artist_id, key in keys:
        wanted[artist_id].append(key)
    rows: list[Row[Any]] = []
    for artist_id, mine in wanted.items():
        rows.extend(conn.execute(_BY_KEY, {"artist": artist_id, "keys": mine}).all())
    loaded = _jobs(conn, rows)
    return {(row.artist_id, row.idempotency_key): (row.request_hash, job) for row, job in zip(rows, loaded, strict=True)}


def taken(conn: Connection, job_ids: Sequence[str]) -> set[str]:
    """Which of these ids are jobs' already."""
    return set(conn.execute(_TAKEN, {"ids": job_ids}).scalars())


def named(conn: Connection, artist_id: str, key: str) -> Job | None:
    """An artist's job by its idempotency key."""
    found = by_key(conn, [(artist_id, key)]).get((artist_id, key))
    return found[1] if found else None


def listing(conn: Connection, artist_id: str, states: Sequence[str], limit: int, before: str | None) -> list[Job]:
    """What an artist's docker asked for, newest first."""
    query = select(jobs).where(jobs.c.artist_id == artist_id, jobs.c.face == Face.V1)
    if states:
        query = query.where(jobs.c.state.in_(states))
    if before is not None:
        query = query.where(jobs.c.place < select(jobs.c.place).where(jobs.c.id == before).scalar_subquery())
    return _jobs(conn, conn.execute(query.order_by(jobs.c.place.desc()).limit(limit)).all())


def recent(conn: Connection, artist_id: str, since: float, limit: int = 1000) -> list[Job]:
    """What an artist's docker asked for: unfinished, and finished after `since`, oldest first; the oldest go beyond `limit`."""
    hers = (jobs.c.artist_id == artist_id) & (jobs.c.face == Face.V1)
    query = select(jobs).where(hers, jobs.c.finished_at.is_(None) | (jobs.c.finished_at >= since))
    rows = conn.execute(query.order_by(jobs.c.finished_at.is_(None).desc(), jobs.c.place.desc()).limit(limit)).all()
    return _jobs(conn, sorted(rows, key=lambda row: row.place))


def add_prompts(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Commits what the engine will know pictures as, before it does."""
    tx.conn.execute(_ADD_PROMPTS, rows)


def prompts_of(conn: Connection, machine_id: str) -> list[Row[Any]]:
    """What was sent, or was about to be, to a machine, and is waited for: prompt_id, job_id, picture, boot."""
    awaited = (prompts.c.machine_id == machine_id) & prompts.c.left_at.is_(None)
    return list(conn.execute(select(prompts).where(awaited).order_by(prompts.c.created_at)).all())


def prompts_named(conn: Connection, prompt_ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Which of these prompts were ours, waited for or not: their job and picture."""
    found: dict[str, tuple[str, int]] = {}
    for chunk in _chunks(list(prompt_ids), 500):
        for row in conn.execute(select(prompts).where(prompts.c.prompt_id.in_(chunk))):
            found[row.prompt_id] = (row.job_id, row.picture)
    return found


def leave_prompts(tx: Transaction, job_id: str, now: float) -> None:
    """No engine is waited for with this job any more. Its prompts are remembered: a machine may have kept what they came to."""
    tx.conn.execute(_LEAVE, {"of_job": job_id, "left_at": now})


def add_result(tx: Transaction, job: Job, result: Result, now: float) -> None:
    """Records a stored picture."""
    values = {**asdict(result), "seed": str(result.seed)}
    tx.conn.execute(insert(results).values(job_id=job.id, artist_id=job.artist_id, created_at=now, **values))


def forget(tx: Transaction, ended_before: float, limit: int) -> int:
    """Deletes jobs that ended by then and of which no picture is kept; at most `limit` at once. How many went."""
    shown = select(results.c.job_id).where(results.c.job_id == jobs.c.id).exists()
    old = select(jobs.c.id).where(jobs.c.finished_at <= ended_before, ~shown)
    ids = list(tx.conn.execute(old.limit(limit)).scalars())
    if ids:
        for table in (prompts, job_inputs, workflows, tasks):
            tx.conn.execute(delete(table).where(table.c.job_id.in_(ids)))
        tx.conn.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    return len(ids)


def _jobs(conn: Connection, rows: Sequence[Row[Any]]) -> list[Job]:
    pictures: dict[str, list[Result]] = {row.id: [] for row in rows}
    for chunk in _chunks(list(pictures), 500):
        for row in conn.execute(select(results).where(results.c.job_id.in_(chunk)).order_by(results.c.n)):
            size = (row.width, row.height, row.size)
            pictures[row.job_id].append(Result(row.n, row.sha256, row.media_type, *size, int(row.seed)))
    return [_job(row, tuple(pictures[row.id])) for row in rows]


def _job(row: Row[Any], pictures: tuple[Result, ...]) -> Job:
    claim = Claim(row.claim_owner, row.claim_token, row.claim_expires_at) if row.claim_token else None
    return Job(
        place=row.place,
        id=row.id,
        artist_id=row.artist_id,
        team_id=row.team_id,
        pool=row.pool,
        request=_request(Face(row.face), orjson.loads(row.request)),
        created_at=row.created_at,
        state=JobState(row.state),
        waiting_for=WaitingFor(row.waiting_for) if row.waiting_for else None,
        stage=Stage(row.stage) if row.stage else None,
        attempt=row.attempt,
        frugal=row.frugal,
        front=row.front,
        version=row.version,
        machine_id=row.machine_id,
        claim=claim,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=JobError(**orjson.loads(row.error)) if row.error else None,
        cost_micros=row.cost_micros,
        results=pictures,
    )


def _request(face: Face, stored: dict[str, Any]) -> Request:
    return JobRequest.from_stored(stored) if face is Face.V1 else WorkflowRequest.from_stored(stored)


def _changing(job: Job) -> dict[str, Any]:
    return {
        "state": job.state,
        "waiting_for": job.waiting_for,
        "stage": job.stage,
        "attempt": job.attempt,
        "frugal": job.frugal,
        "front": job.front,
        "version": job.version,
        "machine_id": job.machine_id,
        "claim_owner": job.claim.owner if job.claim else None,
        "claim_token": job.claim.token if job.claim else None,
        "claim_expires_at": job.claim.expires_at if job.claim else None,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": orjson.dumps(job.error).decode() if job.error else None,
        "cost_micros": job.cost_micros,
    }


def _chunks(values: list[str], size: int) -> Iterable[list[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
