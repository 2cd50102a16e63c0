"""Hands results of tasks to subscribers, each to one at a time, and waits with those who wait for one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection

from wake_service.clock import Clock, within
from wake_service.store.store import Store, Transaction
from wake_service.workflows import delivery, tasks
from wake_service.workflows.delivery import DeliveryId, Task


class Sink:
    """The results of all artists' tasks. What is handed out, and to how many, is in the database: it survives any restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def ring(self, artist_id: str) -> None:
        """A task of this artist has ended, or its result has come back: whoever waits looks again."""
        for bell in self._bells.get(artist_id, ()):
            bell.set()

    async def take(
        self, artist_id: str, most: int, wait: float, visibility: float = delivery.VISIBILITY_SECONDS, task_id: str | None = None
    ) -> list[Task]:
        """Results that are this caller's for `visibility` seconds: at once if there are any, else within `wait` seconds.

        At most `most`; with `task_id` only that task's. Raises StorageError.
        """
        give_up_at = self._clock.now() + wait
        with self._bell(artist_id) as bell:
            while True:
                bell.clear()
                open_ones = await self._store.read(partial(tasks.finished, artist_id=artist_id, task_id=task_id))
                now = self._clock.now()
                if delivery.due(open_ones, now, most):
                    claim = partial(self._claim, artist_id, task_id, most, visibility)
                    if taken := await self._store.write(claim):
                        return taken
                    continue  # another subscriber was faster: they may all be out now
                if now >= give_up_at:
                    return []
                until = min(give_up_at, delivery.next_at(open_ones, now) or give_up_at)
                await self._rung(bell, until - now)

    async def acknowledge(self, artist_id: str, deliveries: Collection[DeliveryId]) -> dict[DeliveryId, str]:
        """These are not handed out again; the tasks they were of, by delivery. What was never delivered to her is left out."""
        now = self._clock.now()
        return await self._settle(artist_id, deliveries, lambda task, _: delivery.acknowledged(task, now))

    async def give_back(self, artist_id: str, deliveries: Collection[DeliveryId]) -> None:
        """Their subscriber has gone without a word of them: the next one gets them at once."""
        now = self._clock.now()
        if await self._settle(artist_id, deliveries, lambda task, which: delivery.returned(task, which, now)):
            self.ring(artist_id)

    async def _settle(
        self, artist_id: str, deliveries: Collection[DeliveryId], change: Callable[[Task, DeliveryId], Task]
    ) -> dict[DeliveryId, str]:
        def work(tx: Transaction) -> dict[DeliveryId, str]:
            found = {}
            for which in deliveries:
                task = tasks.of_job(tx.conn, artist_id, which.job_id)
                if task is not None and delivery.was_delivered(task, which):
                    tasks.save(tx, change(task, which))
                    found[which] = task.task_id
            return found

        return await self._store.write(work) if deliveries else {}

    def _claim(self, artist_id: str, task_id: str | None, most: int, visibility: float, tx: Transaction) -> list[Task]:
        now = self._clock.now()
        open_ones = tasks.finished(tx.conn, artist_id, task_id)
        taken = [delivery.delivered(task, now, visibility) for task in delivery.due(open_ones, now, most)]
        for task in taken:
            tasks.save(tx, task)
        return taken

    async def find(self, artist_id: str, task_id: str) -> Task | None:
        """An artist's task by name."""

        def work(conn: Connection) -> Task | None:
            return tasks.named(conn, artist_id, task_id)

        return await self._store.read(work)

    async def _rung(self, bell: asyncio.Event, seconds: float) -> None:
        try:
            await within(self._clock, seconds, bell.wait())
        except TimeoutError:
            return  # what was out has come back, or the caller has waited long enough

    @contextmanager
    def _bell(self, artist_id: str) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells[artist_id].add(bell)
        try:
            yield bell
        finally:
            self._bells[artist_id].discard(bell)
            if not self._bells[artist_id]:
                del self._bells[artist_id]
