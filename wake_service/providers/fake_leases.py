"""Machines of a FakeCloud that carry their leases as tags: for tests, and for anybody who builds on leases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from wake_service.errors import ProviderError
from wake_service.providers.base import BootStage
from wake_service.providers.fake_cloud import FakeCloud
from wake_service.providers.leases import Holding, Inventory, Probe

LeaseCall = Literal["inventory", "renew", "probe", "stop"]


@dataclass(slots=True)
class Tags:
    """What a machine carries."""

    lease_until: float | None = None
    hold_until: float | None = None


@dataclass(slots=True)
class FakeLeased:
    """A Leased over a FakeCloud.

    `skew`: seconds that the cloud's clock is ahead of ours. `working`: machines with somebody's work on them; the guard of
    one that has not booted is silent, and so is one in `silent`. `troubles`: calls that raise until they are taken out
    again. `calls` counts.
    """

    cloud: FakeCloud
    name: str = "fake"
    skew: float = 0.0
    tags: dict[str, Tags] = field(default_factory=dict)
    working: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    troubles: dict[LeaseCall, ProviderError] = field(default_factory=dict)
    calls: Counter[LeaseCall] = field(default_factory=Counter)

    def tags_of(self, machine_id: str) -> Tags:
        """The tags of a machine, to be read or changed by anybody."""
        return self.tags.setdefault(machine_id, Tags())

    async def inventory(self) -> Inventory:
        await self._called("inventory")
        holdings = []
        for machine in self.cloud.machines.values():
            tags = self.tags_of(machine.machine_id)
            launched_at = machine.launched_at + self.skew
            holdings.append(Holding(machine.machine_id, "default", machine.power, launched_at, tags.lease_until, tags.hold_until))
        return Inventory(float(int(self.cloud.clock.now() + self.skew)), tuple(holdings))

    async def renew(self, machine_id: str, *, lease_until: float, hold_until: float | None) -> None:
        await self._called("renew")
        self.cloud.find(machine_id)
        self.tags[machine_id] = Tags(lease_until, hold_until)

    async def probe(self, machine_id: str) -> Probe:
        self.calls["probe"] += 1
        machine = self.cloud.find(machine_id)
        if machine.stage is not BootStage.ENGINE or machine_id in self.silent:
            return Probe.SILENT
        return Probe.WORKING if machine_id in self.working else Probe.EMPTY

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        await self._called("stop")
        self.cloud.stop(machine_id, force=force)

    async def _called(self, name: LeaseCall) -> None:
        self.calls[name] += 1
        if self.cloud.times.answer:
            await self.cloud.clock.sleep(self.cloud.times.answer)
        if name in self.troubles:
            raise self.troubles[name]
