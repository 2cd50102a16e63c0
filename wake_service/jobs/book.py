"""The jobs of this service. Every change is written and told in one transaction; the board follows when it is durable."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import orjson

from wake_service.clock import Clock
from wake_service.jobs import records
from wake_service.jobs.board import Board
from wake_service.jobs.events import Event, EventLog, EventType
from wake_service.jobs.model import Claim, Job, WaitingFor
from wake_service.jobs.views import Outlook, job_view
from wake_service.store.store import Haste, Store, Transaction

#: A claim that was not renewed for so long belongs to a service that is gone. Renewed three times as often.
CLAIM_SECONDS = 90.0
#: Changes handed to the store together: enough to share a commit, few enough not to hold up others.
_TOLD_AT_ONCE = 100


class JobBook:
    """Reads and changes jobs. `on_change` is called after every durable change, on the event loop."""

    def __init__(self, store: Store, clock: Clock, events: EventLog, currency: str) -> None:
        self._store = store
        self._clock = clock
        self.events = events
        self.currency = currency
        self.board = Board()
        self.owner = str(uuid.uuid4())
        self.place = 0
        self.outlook: Callable[[Job], Outlook] = lambda job: Outlook(ahead=self.board.ahead(job))
        self.on_change: Callable[[Job], None] = lambda _job: None

    async def load(self) -> None:
        """Reads the unfinished jobs back."""
        self.place = await self._store.read(records.last_place)
        for job in await self._store.read(records.load_unfinished):
            self.board.put(job)

    def view(self, job: Job) -> dict[str, object]:
        """The job on the wire."""
        outlook = self.outlook(job) if job.unfinished else Outlook()
        return job_view(job, outlook, self.currency)

    def event(self, kind: EventType, job: Job, **data: object) -> Event:
        """An event about a job; the whole job comes with it."""
        body = orjson.dumps({**data, "job": self.view(job)})
        return Event(kind, self._clock.now(), body, job.id, job.machine_id)

    async def change(
        self,
        before: Job,
        after: Job,
        kinds: Sequence[EventType],
        *,
        also: Callable[[Transaction], None] | None = None,
        haste: Haste = Haste.USUAL,
        **data: object,
    ) -> Job | None:
        """Turns `before` into `after` and tells it; None when somebody was faster (the job is then what they made of it)."""
        changed = replace(after, version=before.version + 1)
        told = [] if changed.is_workflow else [self.event(kind, changed, **data) for kind in kinds]
        return await self._store.write(partial(self._write, before, changed, told, also), haste)

    def _write(
        self, before: Job, after: Job, told: list[Event], also: Callable[[Transaction], None] | None, tx: Transaction
    ) -> Job | None:
        if not records.save(tx, before, after):
            return None
        if also is not None:
            also(tx)
        if after.machine_id is None or not after.unfinished:
            records.leave_prompts(tx, after.id, self._clock.now())
        if told:
            self.events.append(tx, after.artist_id, told)
        tx.after_commit(partial(self._settled, after))
        return after

    def _settled(self, job: Job) -> None:
        self.board.put(job)
        self.on_change(job)

    def new_claim(self) -> Claim:
        """A claim by this service, from now."""
        return Claim(self.owner, str(uuid.uuid4()), self._clock.now() + CLAIM_SECONDS)

    async def renew_claims(self) -> None:
        """Says that this service is still at it."""
        until = self._clock.now() + CLAIM_SECONDS
        await self._store.write(lambda tx: records.renew_claims(tx, self.owner, until))

    async def find(self, job_id: str) -> Job | None:
        """A job, finished or not."""
        job = self.board.get(job_id)
        return job or await self._store.read(lambda conn: records.load(conn, job_id))

    async def say_waiting(self, pool: str, reason: Callable[[Job], WaitingFor]) -> None:
        """Brings up to date what the unclaimed jobs of a pool wait for."""
        stale = [(job, now_for) for job in self.board.waiting(pool) if (now_for := reason(job)) is not job.waiting_for]
        for start in range(0, len(stale), _TOLD_AT_ONCE):
            changes = [
                self.change(job, replace(job, waiting_for=now_for), [EventType.JOB_WAITING])
                for job, now_for in stale[start : start + _TOLD_AT_ONCE]
            ]
            await asyncio.gather(*changes)
