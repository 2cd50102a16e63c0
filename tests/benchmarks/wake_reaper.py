"""How long a forgotten machine runs beyond its lease, in simulated time: nothing but the reaper is there to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.workshop import open_provider
from tests.benchmarks.report import Metric, median
from wake_service.aws.tags import LEASE_UNTIL, as_list, moment_text
from wake_service.clock import ManualClock
from wake_service.machines.reaper import Reaper
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.ec2.options import Ec2Options

#: Leases that end at every third second of a reaper's minute, and some minutes later.
LEASES = [300.0 + 61.0 * number for number in range(0, 60, 3)]
PERIOD = ReaperPolicy().period
LONGEST = 20 * PERIOD


def measure(folder: Path) -> dict[str, Metric]:
    """One machine, left alone again and again."""
    delays = asyncio.run(forgotten())
    how = (
        f"simulated time: the longest of {len(LEASES)} delays from a lease's end until AWS lists the machine as stopping, over "
        f"the reaper's {PERIOD:g} s; the leases end all over its minute (median {median(delays) / PERIOD:.2f})"
    )
    return {"reaper_delay_ratio": Metric(max(delays) / PERIOD, "ratio", 1.5, "lower", len(LEASES), how)}


async def forgotten() -> list[float]:
    """Seconds from the end of each lease until the machine was stopping."""
    clock = ManualClock()
    cloud = Cloud(clock)
    machine_id, stopping = cloud.add_machine(), list[float]()
    cloud.listen(lambda _id, state, _forced: stopping.append(clock.now()) if state == "stopping" else None)
    delays = []
    try:
        async with reaping(cloud, clock):
            for seconds in LEASES:
                cloud.start(machine_id)
                await clock.advance(cloud.times.wake)
                until = int(clock.now() + seconds)
                tag = as_list({LEASE_UNTIL: moment_text(until)})
                cloud.client("ec2").create_tags(Resources=[machine_id], Tags=tag)
                while not stopping:
                    if clock.now() > until + LONGEST:
                        raise AssertionError("The reaper did not stop a forgotten machine.")
                    await clock.advance(1)
                delays.append(stopping.pop() - until)
                await clock.advance(cloud.times.stopping + 1)
    finally:
        await cloud.close()
    return delays


@asynccontextmanager
async def reaping(cloud: Cloud, clock: ManualClock) -> AsyncIterator[None]:
    """A reaper that runs, and no service."""
    provider = open_provider(cloud, Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group()))
    task = asyncio.ensure_future(Reaper(provider, clock).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await provider.close()
