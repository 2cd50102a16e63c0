"""A day of artists at work on the whole machines' side, in simulated time: what the machines cost, and who waited how long.

    python -m tests.aws.soak

lives one day and prints a table. The artists are made up, or a real trace: WAKEBRUSH_TRACE names a CSV file (its first 24 hours)
and WAKEBRUSH_TRACE_DAY one of its days, counted from 0. Controller, EC2 provider, leases, reaper and ledger are the real ones.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from tests.aws.cloud import Cloud
from tests.aws.workshop import Picture, Scene, scene
from tests.benchmarks.report import median, percentile
from wake_service.clock import ManualClock
from wake_service.machines.autoscaler import Policy
from wake_service.machines.ledger import Interval, Kind, interval_of
from wake_service.settings import Settings
from wake_service.simulate.artists import HOUR, studio_day
from wake_service.simulate.requests import Request, read_trace, within
from wake_service.store.tables import ledger, shares

DAY = 24 * HOUR
#: Midnight of a day without a change of clocks (epoch seconds, UTC).
MIDNIGHT = 1_799_971_200.0
#: A picture that begins later than this (seconds) is one that somebody waited for.
LATE = 10.0
#: The idle time that the service is shipped with.
IDLE: float = Settings.model_fields["idle_seconds"].default


@dataclass(frozen=True, slots=True)
class Pool:
    """How many machines there are, how many may be awake at once, and how long (seconds) each rests after its last picture."""

    machines: int = 3
    maximum: int = 2
    idle: float = IDLE


@dataclass(frozen=True, slots=True)
class Run:
    """A machine that ran, as the cloud saw it: from `pending` to the moment it began to stop."""

    machine_id: str
    from_at: float
    to_at: float


class Meter:
    """The cloud's own count of what ran. It hears the cloud's changes of state, and nothing of the service."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._since: dict[str, float] = {}
        self.runs: list[Run] = []
        self.at_once = 0
        cloud.listen(self._heard)

    def _heard(self, instance_id: str, state: str, forced: bool) -> None:
        now = self._cloud.clock.now()
        if state in ("pending", "running"):
            self._since.setdefault(instance_id, now)
        elif instance_id in self._since:
            self.runs.append(Run(instance_id, self._since.pop(instance_id), now))
        self.at_once = max(self.at_once, len(self._since), len(self._cloud.running()))


@dataclass(frozen=True, slots=True)
class Day:
    """What came of a day. `seconds`: from midnight until everything slept, at least 24 hours; `at_once`: the most machines that
    ran at the same time. `intervals` and `shared` (the sum of all transfers, micros) are the ledger's, `runs` the cloud's,
    `findings` the reaper's; `left` still ran at the end."""

    pictures: Sequence[Picture]
    losses: Sequence[str]
    intervals: Sequence[Interval]
    shared: int
    runs: Sequence[Run]
    at_once: int
    seconds: float
    findings: Sequence[str]
    left: Sequence[str]
    calls: int

    @property
    def waits(self) -> list[float]:
        """Seconds from each request until a machine began with it."""
        return [picture.begun_at - picture.asked_at for picture in self.pictures if picture.begun_at is not None]

    @property
    def late(self) -> float:
        """The part of the pictures that began late."""
        return sum(wait > LATE for wait in self.waits) / len(self.waits)

    @property
    def machine_seconds(self) -> float:
        """Seconds of all machines that are in the ledger: from the order to wake until they were seen to be off."""
        return sum(self.booked(kind) for kind in Kind)

    @property
    def cost(self) -> int:
        """What they cost, in millionths of the currency unit."""
        return self.shared + sum(interval.micros(_end(interval)) for interval in self.intervals)

    @property
    def always_on_seconds(self) -> float:
        """Seconds of as many machines as were awake at once, had they never slept."""
        return self.at_once * self.seconds

    @property
    def hours_ratio(self) -> float:
        """Machine-hours as a part of what always-on machines would have had."""
        return self.machine_seconds / self.always_on_seconds

    def booked(self, kind: Kind) -> float:
        """Seconds of one kind in the ledger."""
        return sum(interval.seconds(_end(interval)) for interval in self.intervals if interval.kind is kind)


def _end(interval: Interval) -> float:
    """When an interval ended. A day is over when none is open any more."""
    assert interval.to_at is not None, f"the ledger still books {interval.machine_id}"
    return interval.to_at


def requests_of(environment: Mapping[str, str], seed: int = 1) -> list[Request]:
    """A day's requests: of the trace that the environment names, or else of the made-up studio. Raises SetupError."""
    path = environment.get("WAKEBRUSH_TRACE")
    if path is None:
        return studio_day(seed)
    return within(read_trace(Path(path)), int(environment.get("WAKEBRUSH_TRACE_DAY", "0")) * DAY, DAY)


async def live(requests: Sequence[Request], pool: Pool = Pool()) -> Day:
    """Lives through a day of requests, until every picture is painted and every machine sleeps."""
    clock = ManualClock(MIDNIGHT)
    cloud = Cloud(clock)
    try:
        for _ in range(pool.machines):
            cloud.add_machine()
        meter, made_before = Meter(cloud), len(cloud.calls)
        async with scene(cloud, policy=Policy(maximum=pool.maximum), idle=pool.idle) as there:
            for request in requests:
                await clock.advance(MIDNIGHT + request.at - clock.now())
                there.easel.ask(request.artist, request.work)
            await there.until_done(DAY)
            left = await there.asleep(pool.idle + HOUR)
            await clock.advance(max(cloud.times.stopping + 10.0, MIDNIGHT + DAY - clock.now()))
            return await _day(there, meter, left, len(cloud.calls) - made_before)
    finally:
        await cloud.close()


async def _day(there: Scene, meter: Meter, left: list[str], calls: int) -> Day:
    booked = await there.store.read(lambda conn: [interval_of(row) for row in conn.execute(select(ledger))])
    moved = await there.store.read(lambda conn: conn.execute(select(shares.c.micros)).scalars().all())
    return Day(
        there.easel.pictures,
        there.easel.losses,
        booked,
        sum(moved),
        meter.runs,
        meter.at_once,
        there.clock.now() - MIDNIGHT,
        [finding.sentence for finding in there.studio.reaper.findings],
        left,
        calls,
    )


def show(day: Day, took: float) -> None:
    """The day as a table. `took`: the seconds in which it was lived."""
    waits, hours = day.waits, day.machine_seconds / HOUR
    always_on = day.always_on_seconds / HOUR
    price = day.cost / day.machine_seconds * HOUR / 1e6
    artists = len({picture.artist for picture in day.pictures})
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("pictures", f"{len(day.pictures)} by {artists} artists, {day.booked(Kind.WORK) / HOUR:.2f} h of work")
    table.add_row(
        "waits",
        f"median {median(waits):.1f} s, p90 {percentile(waits, 90):.1f} s, p99 {percentile(waits, 99):.1f} s; "
        f"{day.late:.1%} later than {LATE:g} s",
    )
    table.add_row("machine-hours", f"{hours:.2f} in {len(day.runs)} wakes, at most {day.at_once} at once")
    table.add_row("always on", f"{always_on:.2f} h of {day.at_once}; used are {day.hours_ratio:.1%} of them")
    table.add_row("cost", f"{day.cost / 1e6:.2f} instead of {always_on * price:.2f}, at {price:.3f} an hour")
    table.add_row("calls to AWS", str(day.calls))
    table.add_row("lived in", f"{took:.0f} s")
    Console(width=130).print(table)


def main() -> None:
    began = time.monotonic()
    day = asyncio.run(live(requests_of(os.environ)))
    show(day, time.monotonic() - began)


if __name__ == "__main__":
    main()
