"""Whose files may lie on each machine, where `isolation` is `per_artist`: durable before the first of them gets there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial

from sqlalchemy import delete, insert, select

from wake_service.clock import Clock
from wake_service.jobs.model import Job
from wake_service.jobs.turns import HandOver, Nobody, Post, Tenant, choose
from wake_service.store.store import Store, Transaction
from wake_service.store.tables import tenants

log = logging.getLogger(__name__)

#: A machine that could not be wiped is tried again after so many seconds, twice as late each time, at most the second.
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 600.0

Write = Callable[[Transaction], None]


class Tenancy:
    """Knows of each machine whose it is, and carries her over to the database with her first job there.

    A machine that is not in the database is anybody's (`Nobody.UNKNOWN`): it was used while machines were shared, or is new here.
    Where they are shared, nothing is known of any, and all are open to all.
    """

    def __init__(self, store: Store, clock: Clock, *, per_artist: bool) -> None:
        self.per_artist = per_artist
        self._store = store
        self._clock = clock
        self._tenants: dict[str, Tenant] = {}
        self._written: dict[str, Tenant] = {}
        self._since: dict[str, float] = {}
        self._comers: dict[str, str] = {}
        self._failures: dict[str, int] = {}
        self._retry_at: dict[str, float] = {}

    async def load(self) -> None:
        """Reads back whose the machines were. What is known is forgotten where they are shared: it will not be true any more."""
        if not self.per_artist:
            await self._store.write(lambda tx: tx.conn.execute(delete(tenants)))
            return
        rows = await self._store.read(lambda conn: conn.execute(select(tenants)).all())
        self._written = {row.machine_id: row.artist_id or Nobody.EMPTY for row in rows}
        self._tenants = dict(self._written)

    def of(self, machine_id: str) -> Tenant:
        """Whose files may lie on a machine."""
        return self._tenants.get(machine_id, Nobody.UNKNOWN)

    def open_to(self, machine_id: str, artist_id: str) -> bool:
        """Whether an artist may reach what is on a machine: it is hers, or machines are shared."""
        return not self.per_artist or self.of(machine_id) == artist_id

    def takes(self, machine_id: str, artist_id: str) -> bool:
        """Whether a machine may be given an artist's work as it is."""
        if machine_id in self._comers:
            return False
        return self.open_to(machine_id, artist_id) or self.of(machine_id) is Nobody.EMPTY

    def move_in(self, machine_id: str, artist_id: str) -> Write | None:
        """From now on the machine is hers. What is to be written in the transaction that gives it her work, if anything is.

        Raises AssertionError for a machine that is somebody else's.
        """
        if not self.per_artist:
            return None
        if not self.takes(machine_id, artist_id):
            raise AssertionError(f"{machine_id} has files of others on it")
        if self._tenants.get(machine_id) != artist_id:
            self._tenants[machine_id], self._since[machine_id] = artist_id, self._clock.now()
        if self._written.get(machine_id) == artist_id:
            return None
        return partial(self._write, machine_id, artist_id)

    async def wiped(self, machine_id: str) -> None:
        """Nothing of anybody is on the machine any more: durable when this returns."""
        await self._store.write(partial(self._write, machine_id, Nobody.EMPTY))
        self._tenants[machine_id] = Nobody.EMPTY
        self._failures.pop(machine_id, None)

    # -- turns --------------------------------------------------------------------------------------------------------

    def post(self, machine_id: str, held: int, room: bool) -> Post:
        """A machine as the choice sees it."""
        willing = self._clock.now() >= self._retry_at.get(machine_id, float("-inf"))
        since = self._since.get(machine_id, float("-inf"))
        return Post(machine_id, self.of(machine_id), held, room, since, self._comers.get(machine_id), willing)

    def next_for(self, machine_id: str, posts: Iterable[Post], waiting: Iterable[Job]) -> Job | HandOver | None:
        """What a machine does next."""
        by_id = {post.machine_id: post for post in posts}
        me = by_id.pop(machine_id)
        return choose(me, list(by_id.values()), waiting, self._clock.now())

    def expect(self, machine_id: str, artist_id: str) -> None:
        """The machine is being wiped for her."""
        self._comers[machine_id] = artist_id

    def arrived(self, machine_id: str) -> None:
        """Nobody is expected on the machine any more: it is at work again, or was lost."""
        self._comers.pop(machine_id, None)

    def failed(self, machine_id: str) -> float:
        """The machine could not be wiped. Seconds until that may be tried again."""
        failures = self._failures[machine_id] = self._failures.get(machine_id, 0) + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1))
        self._retry_at[machine_id] = self._clock.now() + pause
        self.arrived(machine_id)
        return pause

    def _write(self, machine_id: str, tenant: Tenant, tx: Transaction) -> None:
        tx.conn.execute(delete(tenants).where(tenants.c.machine_id == machine_id))
        artist_id = tenant if isinstance(tenant, str) else None
        tx.conn.execute(insert(tenants).values(machine_id=machine_id, artist_id=artist_id))
        tx.after_commit(lambda: self._written.__setitem__(machine_id, tenant))
