"""A studio with EC2 machines: a provider, what it has announced, and time that passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from tests.aws.cloud import GUARD_PORT, STUDIO, Cloud
from wake_service.clock import ManualClock, settle
from wake_service.providers.base import BootStage, Power, Sighting
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.options import Deadlines, Ec2Options
from wake_service.providers.ec2.provider import Ec2Provider

T = TypeVar("T")


def price(instance_type: str, spot: bool) -> int:
    """An hour, in millionths."""
    return 400_000 if spot else 1_006_000


class Studio:
    """One service and its cloud. `seen` is what the provider has announced."""

    def __init__(self, clock: ManualClock, cloud: Cloud, plan: Plan | None = None, **deadlines: float) -> None:
        self.clock = clock
        self.cloud = cloud
        self.options = Ec2Options(
            deployment=STUDIO,
            guard_port=GUARD_PORT,
            security_group=cloud.setting.security_group(),
            plan=plan or Plan(),
            deadlines=replace(Deadlines(), **deadlines),
        )
        self.seen: list[Sighting] = []
        self.provider = self._open()

    def _open(self) -> Ec2Provider:
        provider = Ec2Provider(
            self.cloud.aws(), self.options, self.clock, self.cloud.dial, address=self.cloud.find_address, price=price
        )
        self._watching = asyncio.ensure_future(self._watch(provider))
        return provider

    async def _watch(self, provider: Ec2Provider) -> None:
        async for sighting in provider.watch():
            self.seen.append(sighting)

    async def close(self) -> None:
        """The service ends; machines go on."""
        await self.provider.close()
        await self._watching

    async def restart(self) -> None:
        """The next service takes over."""
        await self.close()
        self.seen.clear()
        self.provider = self._open()

    async def during(self, work: Coroutine[Any, Any, T], seconds: float = 600.0) -> T:
        """What comes of work that takes time."""
        task = asyncio.ensure_future(work)
        await settle()
        until = self.clock.now() + seconds
        while not task.done() and self.clock.now() < until:
            await self.clock.advance(1)
        assert task.done(), "it did not end"
        return task.result()

    async def wake(self, machine_id: str) -> Sighting:
        """The machine is started and its engine answers."""
        await self.during(self.provider.start(machine_id))
        await self.clock.advance(self.cloud.times.wake + 5)
        last = self.last(machine_id)
        assert (last.power, last.stage) == (Power.RUNNING, BootStage.ENGINE)
        return last

    async def sleep(self, machine_id: str) -> Sighting:
        """The machine is stopped."""
        await self.provider.stop(machine_id)
        await self.clock.advance(self.cloud.times.stopping + 5)
        last = self.last(machine_id)
        assert last.power is Power.STOPPED
        return last

    async def look(self, machine_id: str) -> Sighting:
        """What the list says of it."""
        return next(s for s in await self.during(self.provider.machines()) if s.machine_id == machine_id)

    def last(self, machine_id: str) -> Sighting:
        """The newest announcement of a machine."""
        return self.of(machine_id)[-1]

    def of(self, machine_id: str) -> list[Sighting]:
        """All announcements of a machine."""
        return [sighting for sighting in self.seen if sighting.machine_id == machine_id]

    def said(self, machine_id: str) -> list[str]:
        """All sentences about a machine."""
        return [sighting.message for sighting in self.of(machine_id) if sighting.message]

    def token(self, machine_id: str) -> str:
        """What lies in the machine's parameter."""
        name = self.options.parameter(machine_id)
        answer = self.cloud.client("ssm").get_parameter(Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    def networks(self) -> list[str]:
        """Who is let in to the machines."""
        group = self.options.security_group
        rules = self.cloud.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return sorted(rule.get("CidrIpv4", "") for rule in rules["SecurityGroupRules"] if not rule["IsEgress"])


@asynccontextmanager
async def studio(clock: ManualClock, cloud: Cloud, plan: Plan | None = None, **deadlines: float) -> AsyncIterator[Studio]:
    """A studio that is closed at the end."""
    opened = Studio(clock, cloud, plan, **deadlines)
    try:
        yield opened
    finally:
        await opened.close()
