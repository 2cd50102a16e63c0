"""Accepting jobs: durable before it is acknowledged, the same key never twice, many in one transaction."""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, select

from wake_service.accounts.tokens import Identity
from wake_service.blobs.records import pin
from wake_service.clock import Clock
from wake_service.errors import RequestError
from wake_service.jobs import records
from wake_service.jobs.book import JobBook
from wake_service.jobs.events import Event, EventType
from wake_service.jobs.model import Job, Request, WaitingFor, WorkflowRequest
from wake_service.jobs.offer import Offer
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import blob_grants, blobs

#: An upload that a job uses stays at least this long after the acknowledgement (docs/wire.md, blobs).
PIN_SECONDS = 24 * 3600.0
#: Submissions in one transaction at most.
_MAX_BATCH = 256


@dataclass(slots=True)
class _Submission:
    """One request on its way into the database. `done` gets the job; it is the earlier one if the key was used before."""

    job: Job
    key: str | None
    request_hash: str
    told: Event | None
    also: Callable[[Transaction, Job], None] | None
    done: asyncio.Future[Job]
    offer: Offer | None
    #: Its id was chosen by its caller; neither id nor key can have been used before.
    named: bool = False
    minted: bool = False

    @property
    def pair(self) -> tuple[str, str]:
        return self.job.artist_id, self.key or ""


_Outcome = Job | RequestError


class Submissions:
    """Collects what arrives while a transaction is under way into the next one, so that a sync to disk is shared."""

    def __init__(self, store: Store, clock: Clock, book: JobBook, reason: Callable[[Job], WaitingFor]) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._reason = reason
        self.offer: Callable[[Job], Offer | None] = lambda _job: None
        self._pending: list[_Submission] = []
        self._writing: asyncio.Task[None] | None = None

    async def submit(
        self,
        who: Identity,
        pool: str,
        request: Request,
        key: str | None,
        request_hash: str,
        *,
        job_id: str | None = None,
        minted: bool = False,
        also: Callable[[Transaction, Job], None] | None = None,
        gather: bool = False,
        front: bool = False,
    ) -> Job:
        """The accepted job, durable; `also` writes what belongs to it. It bears `job_id` unless another one does.
        Key and id that were `minted` for it are nobody else's, and are not looked up.

        `gather`: it waits until its artist releases it; `front`: it comes before her others.

        Raises RequestError: `idempotency_conflict`, `blob_missing`, `mask_size_mismatch`, `id_taken`.
        """
        self._book.place += 1
        job = Job(
            place=self._book.place,
            id=job_id or new_id(),
            artist_id=who.artist_id,
            team_id=who.team_id,
            pool=pool,
            request=request,
            created_at=self._clock.now(),
            front=self._book.board.front(who.artist_id) if front else 0,
        )
        job = replace(job, waiting_for=WaitingFor.GATHERED if gather else self._reason(job))
        offer = None if gather else self.offer(job)
        job = offer.job if offer else job
        done: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        told = None if job.is_workflow else self._book.event(EventType.JOB_QUEUED, job)
        self._pending.append(_Submission(job, key, request_hash, told, also, done, offer, job_id is not None, minted))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await done

    async def earlier(self, who: Identity, key: str, request_hash: str) -> Job | None:
        """The job that this very request has become already, whatever would be said of it today."""
        pair = who.artist_id, key
        found = (await self._store.read(lambda conn: records.by_key(conn, [pair]))).get(pair)
        return found[1] if found is not None and found[0] == request_hash else None

    async def _write_all(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending[:_MAX_BATCH], self._pending[_MAX_BATCH:]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: list[_Submission]) -> None:
        try:
            outcomes = await self._store.write(partial(self._insert, batch))
        except Exception as error:  # noqa: BLE001 - handed to everyone who waits for it
            for submission in batch:
                await self._decide(submission, error)
            return
        for submission, outcome in zip(batch, outcomes, strict=True):
            await self._decide(submission, outcome)

    async def _decide(self, submission: _Submission, outcome: Job | Exception) -> None:
        offer = submission.offer
        if outcome is submission.job:
            self._book.board.put(submission.job)
            self._book.on_change(submission.job)
            if offer is not None:
                await offer.accept()
        elif offer is not None:
            offer.decline()
        _settle(submission, outcome)

    def _insert(self, batch: list[_Submission], tx: Transaction) -> list[_Outcome]:
        known = records.by_key(tx.conn, {s.pair for s in batch if s.key is not None and not s.minted})
        uploads = _uploads(tx.conn, batch)
        taken = _taken(tx.conn, batch)
        outcomes: list[_Outcome] = []
        accepted: list[_Submission] = []
        for submission in batch:
            outcome = _judge(submission, known, uploads)
            if outcome is submission.job and submission.named and submission.job.id in taken:
                outcome = _id_taken(submission.job.id)
            elif outcome is submission.job:
                taken.add(submission.job.id)
                accepted.append(submission)
                if submission.key is not None:
                    known[submission.pair] = (submission.request_hash, submission.job)
            outcomes.append(outcome)
        if accepted:
            self._insert_accepted(tx, accepted)
        return outcomes

    def _insert_accepted(self, tx: Transaction, accepted: Sequence[_Submission]) -> None:
        records.insert_all(tx, [records.new_row(s.job, s.key, s.request_hash) for s in accepted])
        records.add_inputs(tx, [s.job for s in accepted])
        if prompts := [row for s in accepted if s.offer is not None for row in s.offer.prompts]:
            records.add_prompts(tx, prompts)
        for submission in accepted:
            if submission.offer is not None and submission.offer.moving is not None:
                submission.offer.moving(tx)
        told: defaultdict[str, list[Event]] = defaultdict(list)
        pinned: defaultdict[str, set[str]] = defaultdict(set)
        for submission in accepted:
            if submission.told is not None:
                told[submission.job.artist_id].append(submission.told)
            if submission.also is not None:
                submission.also(tx, submission.job)
            pinned[submission.job.artist_id].update(submission.job.request.inputs())
        for artist_id, new in told.items():
            self._book.events.append(tx, artist_id, new)
        until = self._clock.now() + PIN_SECONDS
        for artist_id, checksums in pinned.items():
            if checksums:
                pin(tx, artist_id, checksums, until)


#: Seeded once from the system. Job ids are names, not secrets; asking the kernel for each costs more than all else of a request.
_ids = random.Random(secrets.randbits(256))


def new_id() -> str:
    """A new UUID for a job."""
    return str(uuid.UUID(int=_ids.getrandbits(128), version=4))


def _uploads(conn: Connection, batch: Sequence[_Submission]) -> dict[tuple[str, str], tuple[int, int]]:
    """Size in pixels of everything that the batch's artists have uploaded and the batch needs."""
    needed = {checksum for submission in batch for checksum in submission.job.request.inputs()}
    if not needed:
        return {}
    query = (
        select(blob_grants.c.artist_id, blobs.c.sha256, blobs.c.width, blobs.c.height)
        .join_from(blob_grants, blobs)
        .where(blobs.c.sha256.in_(needed))
    )
    return {(row.artist_id, row.sha256): (row.width, row.height) for row in conn.execute(query)}


def _taken(conn: Connection, batch: Sequence[_Submission]) -> set[str]:
    """Which of the ids that callers chose are jobs' already."""
    named = [submission.job.id for submission in batch if submission.named and not submission.minted]
    return records.taken(conn, named) if named else set()


def _id_taken(job_id: str) -> RequestError:
    return RequestError(409, "id_taken", "Another job has this id.", hint="Let the service choose one.", id=job_id)


def _judge(
    submission: _Submission,
    known: dict[tuple[str, str], tuple[str, Job]],
    uploads: dict[tuple[str, str], tuple[int, int]],
) -> _Outcome:
    if submission.key is not None and submission.pair in known:
        request_hash, job = known[submission.pair]
        return job if request_hash == submission.request_hash else _conflict(submission.key)
    request, artist_id = submission.job.request, submission.job.artist_id
    known_to_her = {checksum: uploads.get((artist_id, checksum)) for checksum in request.inputs()}
    is_workflow = isinstance(request, WorkflowRequest)
    # A file that nobody has looked at as a picture has no size yet: the docker sends it as one, and then it has.
    missing = [checksum for checksum, size in known_to_her.items() if size is None or not (is_workflow or size[0])]
    if missing:
        return blob_missing(missing)
    if isinstance(request, WorkflowRequest):
        return submission.job
    if request.image and request.mask and uploads[artist_id, request.image] != uploads[artist_id, request.mask]:
        return RequestError(
            422,
            "mask_size_mismatch",
            "The mask has another size than the picture it belongs to.",
            hint="Send both with the same width and height.",
            field="mask",
        )
    return submission.job


def blob_missing(checksums: list[str]) -> RequestError:
    """The error for pictures that this artist has not uploaded."""
    return RequestError(
        409,
        "blob_missing",
        "The picture is not on the service yet.",
        hint="Send the picture again; Krita does this by itself.",
        detail=f"No upload with checksum {', '.join(c[:12] + '…' for c in checksums)} is known for you.",
        missing=checksums,
    )


def _conflict(key: str) -> RequestError:
    return RequestError(
        409,
        "idempotency_conflict",
        "This request was sent before with other content.",
        hint="Use a new Idempotency-Key for a new picture.",
        detail=f"Idempotency-Key {key!r}",
    )


def _settle(submission: _Submission, outcome: Job | Exception) -> None:
    if submission.done.done():
        return
    if isinstance(outcome, Exception):
        submission.done.set_exception(outcome)
    else:
        submission.done.set_result(outcome)
