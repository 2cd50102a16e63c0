"""`wakebrush aws reap --once` is all that a cron job needs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from wake_service import settings
from wake_service.cli_reap import reap
from wake_service.clock import ManualClock
from wake_service.errors import ProviderError
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.base import Power
from wake_service.providers.fake_cloud import FakeCloud
from wake_service.providers.fake_leases import FakeLeased


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leased = FakeLeased(FakeCloud(self.clock, ["m1"]))
        self.leased.cloud.start("m1")

    async def reap(self) -> bool:
        reaping = asyncio.create_task(reap(self.leased, self.clock, ReaperPolicy(), once=True))
        await self.clock.advance(60)
        return await reaping


async def test_a_forgotten_machine_is_stopped_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.leased.tags_of("m1").lease_until = world.clock.now() - 1
    assert await world.reap()
    assert world.leased.cloud.machines["m1"].power in (Power.STOPPING, Power.STOPPED)
    assert "Machine m1 was awake without a lease" in capsys.readouterr().out


async def test_where_nothing_is_forgotten_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.leased.tags_of("m1").lease_until = world.clock.now() + 600
    assert await world.reap()
    assert capsys.readouterr().out == "No machine runs that should not.\n"


async def test_a_run_that_saw_nothing_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.leased.troubles["inventory"] = ProviderError("Not allowed.")
    assert not await world.reap()
    assert "none was reaped: Not allowed." in capsys.readouterr().out


def test_the_policy_is_what_the_admin_has_set(tmp_path: Path) -> None:
    given = settings.load(data=tmp_path, curfew="22:00 - 07:00", reaper_seconds=30, idle_seconds=600, wake_deadline_seconds=300)
    policy = ReaperPolicy.of(given)
    assert (policy.period, policy.grace) == (30, 900) and policy.curfew is not None
