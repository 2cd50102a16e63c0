"""What the engines of a pool can do, as last seen; kept, so that it is known while they sleep."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import orjson
from sqlalchemy import delete, insert, select

from wake_service.clock import Clock
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError, StorageError
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import catalogues

log = logging.getLogger(__name__)


class Catalogues:
    """The newest catalogue of each pool, and when it was read (epoch seconds)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[Catalogue, float]] = {}

    async def load(self) -> None:
        """Reads what was kept."""
        rows = await self._store.read(lambda conn: conn.execute(select(catalogues)).all())
        for row in rows:
            self._known[row.pool] = (Catalogue.parse(orjson.loads(row.object_info)), row.as_of)

    def get(self, pool: str) -> Catalogue | None:
        """What the pool's engines can do; None when none was ever seen."""
        return self._known[pool][0] if pool in self._known else None

    def as_of(self, pool: str) -> float | None:
        """When that was read."""
        return self._known[pool][1] if pool in self._known else None

    async def refresh(self, pool: str, client: EngineClient) -> None:
        """Reads it anew from an engine; keeps the old one when that fails."""
        try:
            object_info = await client.object_info()
        except EngineError as error:
            log.warning("The engine's list of nodes could not be read: %s", error)
            return
        now = self._clock.now()
        parsed, packed = await asyncio.to_thread(lambda: (Catalogue.parse(object_info), orjson.dumps(object_info)))
        self._known[pool] = (parsed, now)
        try:
            await self._store.write(partial(_keep, pool, packed, now))
        except StorageError as error:
            log.error("The engine's list of nodes could not be kept: %s", error)


def _keep(pool: str, object_info: bytes, now: float, tx: Transaction) -> None:
    tx.conn.execute(delete(catalogues).where(catalogues.c.pool == pool))
    tx.conn.execute(insert(catalogues).values(pool=pool, object_info=object_info, as_of=now))
