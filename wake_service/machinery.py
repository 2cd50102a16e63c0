"""Where the machines are, built from the settings: their providers, and what keeps machines from being forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.machines.autoscaler import Policy
from wake_service.machines.curfew import Curfew
from wake_service.machines.leases import LeaseKeeper
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.reaper import Reaper
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.base import Door, Provider
from wake_service.providers.engine_command import from_settings
from wake_service.providers.process import ProcessProvider
from wake_service.settings import Settings

if TYPE_CHECKING:
    from wake_service.agent.link import AgentLink
    from wake_service.aws.clients import Aws
    from wake_service.providers.ec2.copies import CopyKeeper

log = logging.getLogger(__name__)

POOL = "default"
#: The one machine of the embedded service: a process on this computer.
LOCAL_MACHINE = "local"
#: A machine that no service speaks to stops by itself after the idle time, but not within a restart of the service.
_LONELY_SECONDS = 120.0
#: How often the stack is looked for until there is one, in seconds.
_STACK_PAUSE = 3600.0

#: What costs money while all sleeps: (what, micros a month).
Standing = list[tuple[str, int]]


async def no_first_copy(_archive: Path) -> bool:
    """For pools whose image was not built by `wakebrush image build`."""
    return False


async def nothing_stands() -> Standing:
    """For machines that cost nothing while they sleep."""
    return []


@dataclass(slots=True)
class Machinery:
    """The machines' side of one service.

    `known`: machines that were configured; those of the providers in `finders` are found. `keeper` keeps the leases on the
    machines true, `copies` a copy of their models; `forever` is what runs beside the service, `standing` tells what costs
    money while all sleeps. `first_copy` writes what an engine of the pool's image answers to a file; whether there is any.
    """

    providers: dict[str, Provider]
    known: list[Machine] = field(default_factory=list)
    finders: frozenset[str] = frozenset()
    keeper: LeaseKeeper | None = None
    copies: CopyKeeper | None = None
    forever: tuple[Callable[[], Coroutine[None, None, None]], ...] = ()
    standing: Callable[[], Awaitable[Standing]] = nothing_stands
    first_copy: Callable[[Path], Awaitable[bool]] = no_first_copy

    def changed(self, machine: Machine) -> None:
        """A machine is not as it was: its lease follows, and when it sleeps its models may be copied."""
        if machine.provider not in self.finders:
            return
        if self.keeper is not None:
            self.keeper.follow(machine)
        if self.copies is not None and machine.state is MachineState.ASLEEP:
            self.copies.fell_asleep(machine.id, machine.pool)


@dataclass(frozen=True, slots=True)
class Reach:
    """The ways out of here: how AWS is called, a machine's guard is dialled, and our own public address is found. None: as
    the settings say."""

    aws: Aws | None = None
    dial: Callable[[Door], Awaitable[AgentLink]] | None = None
    address: Callable[[], Awaitable[str]] | None = None


def policy_of(settings: Settings) -> Policy:
    """How the pool is run, as the admin has set it."""
    return Policy(
        maximum=settings.pool_maximum,
        wake_deadline=settings.wake_deadline_seconds,
        stop_deadline=settings.stop_deadline_seconds,
        max_uptime=settings.max_uptime_seconds,
        longest_job=settings.longest_job_seconds,
        curfew=curfew_of(settings),
    )


def curfew_of(settings: Settings) -> Curfew | None:
    """The curfew, if there is one. Raises SetupError when it cannot be read."""
    return Curfew.parse(settings.curfew, settings.timezone, settings.curfew_exceptions) if settings.curfew else None


def from_the_settings(settings: Settings, clock: Clock) -> Machinery:
    """What the settings ask for. Raises SetupError."""
    return in_ec2(settings, clock) if settings.provider == "ec2" else on_this_computer(settings, clock)


def on_this_computer(settings: Settings, clock: Clock) -> Machinery:
    """One engine that is a process here."""
    commands = {LOCAL_MACHINE: from_settings(settings, settings.data / "engine")}
    lonely = max(settings.idle_seconds, _LONELY_SECONDS)
    provider = ProcessProvider(settings.data / "machines", commands, clock, lonely=lonely)
    known = [Machine(LOCAL_MACHINE, POOL, provider.name, settings.price_micros_per_hour)]
    return Machinery({provider.name: provider}, known)


def in_ec2(settings: Settings, clock: Clock, reach: Reach | None = None) -> Machinery:
    """EC2 machines of one deployment; boto3 is imported only here. `reach` replaces the ways out, for rehearsals."""
    from wake_service.aws.clients import Aws
    from wake_service.aws.first_copy import fetch_first_copy
    from wake_service.aws.leftovers import Leftovers
    from wake_service.aws.prices import Prices
    from wake_service.aws.standing import Bookkeeper
    from wake_service.aws.watchdog import Watchdog
    from wake_service.providers.ec2.copies import CopyKeeper
    from wake_service.providers.ec2.line import dial_guard
    from wake_service.providers.ec2.options import Ec2Options
    from wake_service.providers.ec2.provider import Ec2Provider
    from wake_service.providers.ec2.rule import address_for

    reach = reach or Reach()
    aws = reach.aws or Aws(settings.aws_region, clock, endpoint=settings.aws_endpoint)
    address = reach.address or address_for(settings)
    prices = Prices.load(settings.aws_prices_file)
    watchdog = Watchdog(aws, settings.aws_deployment, idle_seconds=settings.idle_seconds)

    def price(instance_type: str, spot: bool) -> int:
        known = prices.hour_micros(settings.aws_region, instance_type, spot=spot)
        return settings.price_micros_per_hour if known is None else known

    async def before_start(machine_id: str) -> None:
        await asyncio.gather(keeper.before_start(machine_id), watchdog.arm(machine_id))

    options = Ec2Options.of(settings)
    dial, disarm = reach.dial or dial_guard, watchdog.remove
    provider = Ec2Provider(aws, options, clock, dial, address=address, price=price, arm=before_start, disarm=disarm)
    copies = CopyKeeper(aws, options) if options.plan.create else None
    wake = settings.wake_deadline_seconds + settings.idle_seconds
    keeper = LeaseKeeper(provider, clock, margin=settings.idle_seconds, wake_seconds=wake)
    reaper = Reaper(provider, clock, ReaperPolicy.of(settings))
    bookkeeper = Bookkeeper(aws, settings.aws_deployment, prices)

    async def keep_schedule() -> None:
        await _keep_schedule(aws, settings, clock)

    forever = [keeper.run, reaper.run, keep_schedule, Leftovers(aws, settings.aws_deployment).run]
    if copies is not None:
        forever.append(copies.run)
    return Machinery(
        providers={provider.name: provider},
        finders=frozenset({provider.name}),
        keeper=keeper,
        copies=copies,
        forever=tuple(forever),
        standing=bookkeeper.standing,
        first_copy=partial(fetch_first_copy, aws, settings.aws_deployment),
    )


async def _keep_schedule(aws: Aws, settings: Settings, clock: Clock) -> None:
    """The curfew in the cloud, as soon as there is a stack to hang it on."""
    from wake_service.aws.curfew_schedule import CurfewSchedule
    from wake_service.aws.stack import find_stack

    while True:
        try:
            stack = await find_stack(aws, settings.aws_deployment)
        except ProviderError as error:
            log.warning("The stack of %s cannot be looked at: %s", settings.aws_deployment, error)
            stack = None
        if stack is not None:
            break
        await clock.sleep(_STACK_PAUSE)
    places = {"group": stack.schedule_group, "role": stack.curfew_role, "machine_list": stack.machine_list}
    schedule = CurfewSchedule(aws, **places, allowance=settings.longest_job_seconds)
    await schedule.run(curfew_of(settings))
