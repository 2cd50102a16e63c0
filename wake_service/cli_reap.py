"""`wakebrush aws reap`: stops forgotten machines with nothing of the service running, for example from cron."""

from __future__ import annotations

import asyncio

import click

from wake_service.clock import Clock
from wake_service.machines.reaper import Reaper
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.leases import Leased


async def reap(leased: Leased, clock: Clock, policy: ReaperPolicy, *, once: bool) -> bool:
    """Reaps until it is ended; `once` takes the two looks that a stop needs, and says what it found. Whether nobody has to
    look at anything."""
    reaper = Reaper(leased, clock, policy)
    if not once:
        await reaper.run()
    for look in range(2):
        if look:
            await clock.sleep(policy.period / 2)
        await reaper.once()
    for finding in reaper.findings:
        click.echo(finding.sentence)
    if not reaper.findings:
        click.echo("No machine runs that should not.")
    return not any(finding.alarm for finding in reaper.findings) and not reaper.blind


def run(leased: Leased, clock: Clock, policy: ReaperPolicy, *, once: bool) -> bool:
    """`reap`, from a command line."""
    return asyncio.run(reap(leased, clock, policy, once=once))
