"""Every wake, written down by stage up to the first step of the first job; the estimates are learned from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection, insert, select, update

from wake_service.machines.estimates import KEEP, WakeEstimate
from wake_service.machines.model import AWAKE, STAGES, Machine, MachineState, WakeStage
from wake_service.store.store import Transaction
from wake_service.store.tables import wakes

_STAGE_COLUMNS = {
    WakeStage.STARTING: wakes.c.starting_at,
    WakeStage.BOOTING: wakes.c.booting_at,
    WakeStage.ENGINE: wakes.c.engine_at,
}
#: Wakes that a service reads back: enough for a few kinds of machines.
_READ_BACK = 4 * KEEP

Note = Callable[[Transaction], None]


class WakeLog:
    """Follows machines through their wakes, teaches `estimate`, and says what is to be written."""

    def __init__(self, estimate: WakeEstimate) -> None:
        self.estimate = estimate
        self._stage_since: dict[str, float] = {}
        self._without_step: set[str] = set()
        self._stepped: dict[str, float] = {}
        self._only_engine: set[str] = set()

    def knows(self, machine: Machine) -> None:
        """A machine as it was found; of a wake under way nobody knows since when it is in its stage."""
        self._stage_since[machine.id] = machine.since

    def forget(self, machine_id: str) -> None:
        """The machine is gone; what it taught stays."""
        self._stage_since.pop(machine_id, None)
        self._without_step.discard(machine_id)
        self._stepped.pop(machine_id, None)
        self._only_engine.discard(machine_id)

    def remaining(self, machine: Machine, now: float) -> float | None:
        """Seconds until a waking machine is ready, an estimate."""
        return self.estimate.remaining(machine, self._stage_since[machine.id], now)

    def first_step(self, machine_id: str, now: float) -> None:
        """A job on the machine had a sampling step. The first one of a wake is written with the machine's next change."""
        if machine_id in self._without_step:
            self._without_step.discard(machine_id)
            self._stepped[machine_id] = now

    def note(self, before: Machine, after: Machine, now: float) -> Note | None:
        """Learns from a change of a machine, and gives what is to be written about it.

        An engine that is started anew while its machine stays up is waited for as at a wake, and is none.
        """
        if after.state is MachineState.WAKING and before.state is not MachineState.WAKING:
            self._stage_since[after.id] = now
            if before.state in AWAKE and after.boot == before.boot:
                self._only_engine.add(after.id)
                return None
            self._only_engine.discard(after.id)
            self._without_step.add(after.id)
            self._stepped.pop(after.id, None)
            return lambda tx: _open(tx, after, now)
        if before.state is MachineState.WAKING and before.stage is not None and after.id not in self._only_engine:
            return self._note_stage(before, before.stage, after, now)
        if (stepped_at := self._stepped.pop(after.id, None)) is not None:
            return lambda tx: _write(tx, after, {wakes.c.first_step_at.name: stepped_at})
        return None

    def _note_stage(self, before: Machine, stage: WakeStage, after: Machine, now: float) -> Note | None:
        done = after.state is MachineState.READY
        if not done and (after.state is not MachineState.WAKING or after.stage is stage):
            return None
        self.estimate.learn(stage, now - self._stage_since[after.id], after)
        self._stage_since[after.id] = now
        if done:
            self.estimate.learn_wake(now - before.since, after)
        column = wakes.c.ready_at if done else _STAGE_COLUMNS[after.stage or WakeStage.STARTING]
        return lambda tx: _write(tx, after, {column.name: now})

    def learn(self, conn: Connection) -> None:
        """Learns from the wakes that earlier services wrote down."""
        done = select(wakes).where(wakes.c.ready_at.is_not(None)).order_by(wakes.c.id.desc()).limit(_READ_BACK)
        for row in reversed(conn.execute(done).all()):
            machine = Machine(row.machine_id, row.pool or "", "", 0)
            machine = replace(machine, instance_type=row.instance_type, zone=row.zone)
            moments = [row.requested_at, row.starting_at, row.booting_at, row.engine_at, row.ready_at]
            for stage, begin, end in zip(STAGES, moments, moments[1:], strict=False):
                if begin is not None and end is not None:
                    self.estimate.learn(stage, end - begin, machine)
            self.estimate.learn_wake(row.ready_at - row.requested_at, machine)


def _kind(machine: Machine) -> dict[str, object]:
    """What the machine is: known for sure only once it was seen running."""
    return {"pool": machine.pool, "instance_type": machine.instance_type, "zone": machine.zone, "spot": machine.spot}


def _open(tx: Transaction, machine: Machine, now: float) -> None:
    tx.conn.execute(insert(wakes).values(machine_id=machine.id, requested_at=now, **_kind(machine)))


def _write(tx: Transaction, machine: Machine, moments: dict[str, float]) -> None:
    newest = select(wakes.c.id).where(wakes.c.machine_id == machine.id).order_by(wakes.c.id.desc()).limit(1)
    tx.conn.execute(update(wakes).where(wakes.c.id == newest.scalar_subquery()).values(**moments, **_kind(machine)))
