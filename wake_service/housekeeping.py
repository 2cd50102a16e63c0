"""Keeps the tables from growing for ever: once an hour, what is older than it is kept goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from wake_service.accounts import pairings, tokens
from wake_service.blobs.life import DAY
from wake_service.clock import Clock
from wake_service.errors import StorageError
from wake_service.jobs import events, records
from wake_service.store.store import Store

log = logging.getLogger(__name__)

PERIOD = 3600.0
#: Rows in one transaction at most: others wait for the writer meanwhile.
_AT_ONCE = 500

#: `forget(transaction, ended_before=moment, limit=rows)` deletes at most so many, and returns how many went.
Forget = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many days what is kept: events, and the history (finished jobs, tokens that ended, wakes, machines, costs)."""

    events: float
    history: float


class Housekeeping:
    """Tidies one database. `machines` is what the machines' side has to forget."""

    def __init__(self, store: Store, clock: Clock, keeping: Keeping, machines: Forget) -> None:
        self._store = store
        self._clock = clock
        self._keeping = keeping
        self._history = (records.forget, tokens.forget, pairings.forget, machines)

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
        await self._store.write(partial(events.forget, before=now - self._keeping.events * DAY))
        for forget in self._history:
            await self._in_portions(partial(forget, ended_before=now - self._keeping.history * DAY, limit=_AT_ONCE))

    async def _in_portions(self, forget: Forget) -> None:
        while await self._store.write(forget) == _AT_ONCE:
            pass
