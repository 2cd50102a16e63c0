"""Keeps the leases that machines carry as tags true, with as few calls as that takes."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from dataclasses import dataclass, replace

from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.machines.model import Machine, MachineState
from wake_service.providers.leases import Leased

log = logging.getLogger(__name__)

#: What a lease is written longer than it is, in seconds: our clock may be a minute off the cloud's, and a service that is
#: alive stops a machine itself, in order, before the reaper would.
SLACK = 180.0
#: A write that failed is repeated after so long, then twice as long, up to the last.
FIRST_RETRY, LAST_RETRY = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Until when a machine may run (epoch seconds); `working`: as long as this is so, however long that is."""

    lease_until: float
    hold_until: float | None = None
    working: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What its tags say, as far as is known; `retry_at`, `pause`: the last write failed, and when it is tried again."""

    lease_until: float = -math.inf
    hold_until: float | None = None
    retry_at: float = 0.0
    pause: float = 0.0


def lease_to_write(wanted: Wanted, now: float, margin: float) -> float:
    """The end of the lease to write now: what is wanted, and for a machine at work at least `margin` from now."""
    return max(wanted.lease_until, now + margin if wanted.working else 0.0) + SLACK


def due_at(wanted: Wanted, written: Written, now: float, margin: float) -> float:
    """When the tags must be written next (epoch seconds; `now` or before: at once; infinite: not as things are).

    A lease is renewed when half the margin is left of it, if it is to be longer than it says by then; a hold when it changes.
    What is over already is not written.
    """
    if wanted.hold_until != written.hold_until and max(wanted.hold_until or 0.0, written.hold_until or 0.0) > now:
        return max(now, written.retry_at)
    renewed_at = max(now, written.lease_until - margin / 2)
    if lease_to_write(wanted, renewed_at, margin) <= max(written.lease_until, now):
        return math.inf
    return max(renewed_at, written.retry_at)


class LeaseKeeper:
    """One per provider. `want` says what is true and returns at once; `run` writes it.

    `margin`: how long a lease of a machine at work is, in seconds (the idle time: what it may run on when the service dies).
    `wake_seconds`: what a machine is given before it is started: the longest wake and the idle time after it.
    """

    def __init__(self, leased: Leased, clock: Clock, *, margin: float = 1800.0, wake_seconds: float = 2700.0) -> None:
        self._leased = leased
        self._clock = clock
        self._margin = margin
        self._wake_seconds = wake_seconds
        self._wanted: dict[str, Wanted] = {}
        self._written: dict[str, Written] = {}
        self._writing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._changed = asyncio.Event()

    def want(self, machine_id: str, lease_until: float, hold_until: float | None = None, *, working: bool = False) -> None:
        """From now on this is what the machine's tags must cover; `working` while it wakes or has work. Cheap to repeat."""
        wanted = Wanted(lease_until, hold_until, working)
        if self._wanted.get(machine_id) != wanted:
            self._wanted[machine_id] = wanted
            self._changed.set()

    def follow(self, machine: Machine) -> None:
        """The machine is like this now: its tags must cover its lease and its hold, and what it works on."""
        if machine.state in (MachineState.ASLEEP, MachineState.GONE):
            self.forget(machine.id)
            return
        working = machine.state in (MachineState.WAKING, MachineState.BUSY, MachineState.DRAINING)
        self.want(machine.id, machine.lease_until, machine.hold_until or None, working=working)

    def forget(self, machine_id: str) -> None:
        """The machine sleeps or is gone: its tags may say what they say."""
        self._wanted.pop(machine_id, None)
        self._written.pop(machine_id, None)
        if machine_id in self._writing and not self._writing[machine_id].locked():
            del self._writing[machine_id]

    async def before_start(self, machine_id: str) -> None:
        """Writes a lease that covers the whole wake; to be awaited before the start is asked for, so that the reaper never
        meets a waking machine without one. Raises ProviderError."""
        async with self._writing[machine_id]:
            until = self._clock.now() + self._wake_seconds + SLACK
            hold_until = self._wanted[machine_id].hold_until if machine_id in self._wanted else None
            await self._leased.renew(machine_id, lease_until=until, hold_until=hold_until)
            self._written[machine_id] = Written(until, hold_until)

    async def run(self) -> None:
        """Writes what has to be written, for ever."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            due = {id: due_at(wanted, self._known(id), now, self._margin) for id, wanted in self._wanted.items()}
            for machine_id in [id for id, moment in due.items() if moment <= now]:
                async with self._writing[machine_id]:
                    await self._write(machine_id)
            if all(moment > now for moment in due.values()):
                await self._wait(min(due.values(), default=math.inf))

    def _known(self, machine_id: str) -> Written:
        return self._written.get(machine_id, Written())

    async def _write(self, machine_id: str) -> None:
        wanted = self._wanted.get(machine_id)
        if wanted is None or due_at(wanted, self._known(machine_id), self._clock.now(), self._margin) > self._clock.now():
            return  # settled while something else was written
        until = lease_to_write(wanted, self._clock.now(), self._margin)
        try:
            await self._leased.renew(machine_id, lease_until=until, hold_until=wanted.hold_until)
        except ProviderError as error:
            self._put_off(machine_id, error)
        else:
            self._written[machine_id] = Written(until, wanted.hold_until)

    def _put_off(self, machine_id: str, error: ProviderError) -> None:
        before = self._known(machine_id)
        pause = min(LAST_RETRY, before.pause * 2 or FIRST_RETRY)
        self._written[machine_id] = replace(before, retry_at=self._clock.now() + pause, pause=pause)
        if before.pause == 0.0:
            log.warning("The lease of machine %s could not be written; it is tried again: %s", machine_id, error)

    async def _wait(self, due: float) -> None:
        waits: set[asyncio.Task[object]] = {asyncio.create_task(self._changed.wait())}
        if due < math.inf:
            waits.add(asyncio.create_task(self._clock.sleep(max(0.0, due - self._clock.now()))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
