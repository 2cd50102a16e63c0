"""The machines of this service: their present state in memory, every change durable and told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, fields, replace
from functools import partial

import orjson
from sqlalchemy import Row, bindparam, delete, insert, select, update

from wake_service.clock import Clock
from wake_service.errors import StorageError
from wake_service.machines.estimates import WakeEstimate
from wake_service.machines.ledger import Entry, Ledger, Payer
from wake_service.machines.model import Engine, Machine, MachineState, WakeStage
from wake_service.machines.wakes import Note, WakeLog
from wake_service.providers.base import NoticeKind
from wake_service.store.store import Haste, Store, Transaction
from wake_service.store.tables import machines as table

#: A machine that is gone stays to be seen for so long, in seconds. Nothing that was under way with it takes longer.
REMEMBERED_SECONDS = 86_400.0


class Fleet:
    """Holds machines; `apply` is the one way to change one. Those that were found are forgotten a day after they were gone."""

    def __init__(self, store: Store, clock: Clock, ledger: Ledger, estimate: WakeEstimate) -> None:
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self.estimate = estimate
        self._wakes = WakeLog(estimate)
        self._machines: dict[str, Machine] = {}
        self._configured: frozenset[str] = frozenset()
        self.on_change: Callable[[Machine], None] = lambda _machine: None

    async def load(self, known: Iterable[Machine], *, finders: Collection[str] = ()) -> None:
        """Reads the machines back, adds those of `known` that are new, and takes their price and pool from `known`.

        Machines of the providers named in `finders` need not be known: they are found, and kept until they are gone.
        """
        now = self._clock.now()
        rows = await self._store.read(lambda conn: conn.execute(select(table)).all())
        stored = {row.id: _from_row(row) for row in rows}
        found = [m for m in stored.values() if m.provider in finders and m.state is not MachineState.GONE]
        self._machines = {machine.id: machine for machine in found}
        known = list(known)
        self._configured = frozenset(machine.id for machine in known)
        for machine in known:
            mine = stored.get(machine.id)
            if mine is None:
                await self._store.write(partial(_insert, machine=machine))
            else:
                price = machine.price_micros_per_hour
                machine = replace(mine, pool=machine.pool, provider=machine.provider, price_micros_per_hour=price)
            self._machines[machine.id] = machine
        for machine in self._machines.values():
            self._wakes.knows(machine)
        await self._store.read(lambda conn: self._ledger.load(conn, now))
        await self._store.read(self._wakes.learn)

    async def take_in(self, machine: Machine) -> None:
        """Adds a machine that was found: at once in memory, and durable when this returns."""
        self._machines[machine.id] = machine
        self._wakes.knows(machine)
        self.on_change(machine)
        await self._store.write(partial(_insert, machine=machine))

    def forget_gone(self) -> list[str]:
        """Lets go of machines that are gone for good, the configured ones excepted; their ids. Their rows are history."""
        before = self._clock.now() - REMEMBERED_SECONDS
        gone = [m.id for m in self._machines.values() if m.state is MachineState.GONE and m.since <= before]
        for machine_id in (forgotten := [id for id in gone if id not in self._configured]):
            del self._machines[machine_id]
            self._wakes.forget(machine_id)
        return forgotten

    def payer_of(self, machine_id: str) -> Payer | None:
        """For whom the machine runs now."""
        return self._ledger.payer_of(machine_id)

    def get(self, machine_id: str) -> Machine:
        """The machine as it is now. KeyError if there is none."""
        return self._machines[machine_id]

    def all(self) -> list[Machine]:
        """All machines, in the order of their ids."""
        return [self._machines[machine_id] for machine_id in sorted(self._machines)]

    def eta(self, machine: Machine) -> float | None:
        """Seconds until a waking machine is ready, an estimate."""
        return self._wakes.remaining(machine, self._clock.now())

    def first_step(self, machine_id: str) -> None:
        """A job on the machine had a sampling step."""
        self._wakes.first_step(machine_id, self._clock.now())

    async def apply(self, before: Machine, after: Machine, payer: Payer | None = None, haste: Haste = Haste.USUAL) -> bool:
        """Makes `after` of `before`: at once in memory, and durable when this returns. False when it was too late.

        `payer` says for whom it runs from now on; by default as before. Raises StorageError when it could not be written
        (the memory keeps the change: it is what the machine really is).
        """
        if self._machines[before.id] is not before or after is before:
            return False
        now = self._clock.now()
        self._machines[after.id] = after
        entry = self._ledger.switch(after, payer or self._ledger.payer_of(after.id), now)
        note = self._wakes.note(before, after, now)
        self.on_change(after)
        return await self._store.write(lambda tx: _save(tx, before, after, entry, note), haste)


#: Built once: to build it takes longer than SQLite's whole work on it. The row is behind when a write has failed.
_SAVE = update(table).where(table.c.id == bindparam("at_id"), table.c.generation <= bindparam("at_generation"))


def _save(tx: Transaction, before: Machine, after: Machine, entry: Entry | None, note: Note | None) -> bool:
    which = {"at_id": before.id, "at_generation": before.generation}
    changed = tx.conn.execute(_SAVE, {**which, **_values(after)}).rowcount == 1
    if not changed:
        raise StorageError(f"Machine {before.id} was changed by another service.")
    if entry is not None:
        Ledger.write(tx, entry)
    if note is not None:
        note(tx)
    return True


def _insert(tx: Transaction, machine: Machine) -> None:
    tx.conn.execute(delete(table).where(table.c.id == machine.id))  # gone once, and found again
    tx.conn.execute(insert(table).values(**_values(machine)))


def _values(machine: Machine) -> dict[str, object]:
    values: dict[str, object] = {f.name: getattr(machine, f.name) for f in fields(machine)}
    values["engine"] = orjson.dumps(asdict(machine.engine)).decode() if machine.engine else None
    return values


def _from_row(row: Row[tuple[object, ...]]) -> Machine:
    values = dict(row._mapping)
    values["state"] = MachineState(values["state"])
    values["stage"] = WakeStage(values["stage"]) if values["stage"] else None
    values["notice"] = NoticeKind(values["notice"]) if values["notice"] else None
    values["engine"] = Engine(**orjson.loads(values["engine"])) if values["engine"] else None
    return Machine(**values)
