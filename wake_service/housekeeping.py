"""Keeps the tables from growing for ever: once an hour, what is older than it is kept goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Column, Table, delete, select

from wake_service.accounts import tokens
from wake_service.blobs.life import DAY
from wake_service.clock import Clock
from wake_service.errors import StorageError
from wake_service.jobs import events, records
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import ledger, wakes

log = logging.getLogger(__name__)

PERIOD = 3600.0
#: Rows in one transaction at most: others wait for the writer meanwhile.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many days what is kept: events, and the history (finished jobs, tokens that ended, wakes, the ledger)."""

    events: float
    history: float


class Housekeeping:
    """Tidies one database."""

    def __init__(self, store: Store, clock: Clock, keeping: Keeping) -> None:
        self._store = store
        self._clock = clock
        self._keeping = keeping

    async def run(self) -> None:
        """Tidies, for ever."""
        while True:
            try:
                await self.tidy()
            except StorageError as error:
                log.error("Old entries of the database could not be deleted; it will be tried again: %s", error)
            await self._clock.sleep(PERIOD)

    async def tidy(self) -> None:
        """Deletes what is older than it is kept. Raises StorageError; whatever was done by then is done."""
        now = self._clock.now()
        history = now - self._keeping.history * DAY
        await self._store.write(partial(events.forget, before=now - self._keeping.events * DAY))
        await self._in_portions(partial(records.forget, ended_before=history))
        await self._in_portions(partial(tokens.forget, ended_before=history))
        await self._in_portions(partial(_forget, table=wakes, moment=wakes.c.requested_at, before=history))
        await self._in_portions(partial(_forget, table=ledger, moment=ledger.c.to_at, before=history))

    async def _in_portions(self, forget: Callable[..., int]) -> None:
        while await self._store.write(partial(forget, limit=_AT_ONCE)) == _AT_ONCE:
            pass


def _forget(tx: Transaction, table: Table, moment: Column[float], before: float, limit: int) -> int:
    old = select(table.c.id).where(moment <= before).limit(limit)
    return tx.conn.execute(delete(table).where(table.c.id.in_(old))).rowcount
