"""The provider contract's place in the cloud: two EC2 machines of an AWS account in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.aws.cloud import GUARD_PORT, STUDIO, Cloud
from wake_service.clock import ManualClock
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.provider import Ec2Provider


class Ec2World:
    """On AWS an engine that dies is started again by its machine: here the whole machine goes."""

    ends_with = "The machine shut itself down."

    def __init__(self, options: Ec2Options | None = None) -> None:
        self.clock = ManualClock()
        self.cloud = Cloud(self.clock)
        self.m1, self.m2 = self.cloud.add_machine(), self.cloud.add_machine()
        group = self.cloud.setting.security_group()
        self.options = replace(options or Ec2Options(), deployment=STUDIO, security_group=group, guard_port=GUARD_PORT)

    def open(self) -> Ec2Provider:
        return Ec2Provider(
            self.cloud.aws(), self.options, self.clock, self.cloud.dial, address=self.cloud.find_address, price=_price
        )

    async def leave_running(self, machine_id: str) -> None:
        provider = self.open()
        await provider.start(machine_id)
        await provider.close()
        await self.clock.advance(self.cloud.times.wake)

    async def kill_engine(self, machine_id: str) -> None:
        self.cloud.power_off(machine_id)

    def keep(self, machine_id: str, prompt_id: str, data: bytes) -> bool:
        self.cloud.machine(machine_id).keep(prompt_id, [("wakebrush_00001_.png", data)])
        return True

    async def paint(self, machine_id: str) -> None:
        self.cloud.machine(machine_id).inputs["hers.png"] = b"hers"

    def files(self, machine_id: str) -> list[str]:
        return list(self.cloud.machine(machine_id).inputs)

    async def wait(self, happened: asyncio.Event) -> None:
        until = self.clock.now() + 600
        while not happened.is_set():
            if self.clock.now() > until:
                raise TimeoutError
            await self.clock.advance(1)

    async def clean_up(self) -> None:
        await self.cloud.close()


def _price(instance_type: str, spot: bool) -> int:
    return 400_000 if spot else 1_006_000
