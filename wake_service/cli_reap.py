"""`wakebrush aws reap`: stops forgotten machines with nothing of the service running, for example from cron."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from wake_service import settings
from wake_service.clock import Clock, SystemClock
from wake_service.machines.reaper import Reaper
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.leases import Leased
from wake_service.settings import Settings
from wake_service.terminal import DATA, sentences


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


async def _reap_ec2(given: Settings, *, once: bool) -> bool:
    from wake_service.aws.clients import Aws
    from wake_service.providers.ec2.options import Ec2Options
    from wake_service.providers.ec2.provider import Ec2Provider
    from wake_service.providers.ec2.rule import address_for

    clock = SystemClock()
    aws = Aws(given.aws_region, clock, endpoint=given.aws_endpoint)
    provider = Ec2Provider(aws, Ec2Options.of(given), clock, address=address_for(given))
    try:
        return await reap(provider, clock, ReaperPolicy.of(given), once=once)
    finally:
        await provider.close()


@click.command("reap")
@DATA
@click.option("--once", is_flag=True, help="Look twice, half a period apart, then end: with 1 when somebody should look.")
def reap_command(data: Path | None, once: bool) -> None:
    """Stop machines that nobody needs. It needs neither the service nor its database."""
    if not once:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with sentences():
        well = asyncio.run(_reap_ec2(settings.load(data=data), once=once))
    raise SystemExit(0 if well else 1)
