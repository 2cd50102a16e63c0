"""The reaper on EC2: from AWS's own list, tags and clock, with no service, no database and no alarm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import GUARD_PORT, STUDIO, Cloud
from wake_service.aws.tags import HOLD_UNTIL, LEASE_UNTIL, moment_text, read_moment
from wake_service.clock import ManualClock
from wake_service.machines.leases import LeaseKeeper
from wake_service.machines.reaper import Reaper
from wake_service.machines.verdicts import ReaperPolicy
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.provider import Ec2Provider

PERIOD, HOUR = 60.0, 3600.0


class Studio:
    """One machine that was woken properly, and a reaper that runs. The provider serves the reaper alone."""

    def __init__(self, cloud: Cloud, clock: ManualClock) -> None:
        self.cloud = cloud
        self.clock = clock
        self.machine_id = cloud.add_machine()
        options = Ec2Options(deployment=STUDIO, security_group=cloud.setting.security_group(), guard_port=GUARD_PORT)
        self.provider = Ec2Provider(cloud.aws(), options, clock, cloud.dial, address=cloud.find_address)
        self.reaper = Reaper(self.provider, clock, ReaperPolicy(period=PERIOD))
        self.keeper = LeaseKeeper(self.provider, clock)
        self.reaping = asyncio.create_task(self.reaper.run())

    async def wake(self, lease: float) -> None:
        await self.start()
        await self.clock.advance(self.cloud.times.wake)
        self.tag(LEASE_UNTIL, lease)

    async def start(self) -> None:
        await self.keeper.before_start(self.machine_id)
        starting = asyncio.create_task(self.provider.start(self.machine_id))
        await self.clock.advance(1)
        await starting

    def tag(self, name: str, seconds: float) -> None:
        value = moment_text(self.clock.now() + seconds)
        self.cloud.client("ec2").create_tags(Resources=[self.machine_id], Tags=[{"Key": name, "Value": value}])

    async def close(self) -> None:
        self.reaping.cancel()
        await asyncio.gather(self.reaping, return_exceptions=True)
        await self.provider.close()

    @property
    def said(self) -> str:
        return "\n".join(finding.sentence for finding in self.reaper.findings)

    async def seconds_until_stopping(self, longest: float) -> float:
        began = self.clock.now()
        while self.cloud.running():
            assert self.clock.now() - began < longest, "it was not stopped"
            await self.clock.advance(1)
        return self.clock.now() - began


@pytest.fixture
async def studio(cloud: Cloud, clock: ManualClock) -> AsyncIterator[Studio]:
    studio = Studio(cloud, clock)
    yield studio
    await studio.close()


@pytest.mark.parametrize("lease", [600, 617, 631, 659])
async def test_a_forgotten_machine_is_stopped_by_the_reaper_alone(studio: Studio, lease: float) -> None:
    await studio.wake(lease)
    await studio.clock.advance(lease)
    assert await studio.seconds_until_stopping(2 * PERIOD) / PERIOD <= 1.5
    await studio.clock.advance(2 * PERIOD)
    assert not studio.cloud.running() and studio.said.endswith(f"Machine {studio.machine_id} has stopped.")


async def test_a_machine_that_works_is_given_a_lease_instead(studio: Studio) -> None:
    await studio.wake(60)
    studio.cloud.machine(studio.machine_id).set_queue(running=1)
    await studio.clock.advance(HOUR)
    assert studio.cloud.running() == [studio.machine_id]
    lease = read_moment(studio.cloud.tags(studio.machine_id)[LEASE_UNTIL])
    assert lease is not None and lease > studio.clock.now() - 2 * PERIOD
    studio.cloud.machine(studio.machine_id).set_queue()
    await studio.clock.advance(ReaperPolicy().renewal + 2 * PERIOD)
    assert not studio.cloud.running()


async def test_a_hold_keeps_a_machine_as_long_as_it_says(studio: Studio) -> None:
    await studio.wake(60)
    studio.tag(HOLD_UNTIL, 2 * HOUR)
    await studio.clock.advance(2 * HOUR - 1)
    assert studio.cloud.running()
    assert await studio.seconds_until_stopping(2 * PERIOD)


async def test_a_machine_that_hangs_is_stopped(studio: Studio) -> None:
    await studio.wake(60)
    studio.cloud.machine(studio.machine_id).silent = True
    await studio.clock.advance(60)
    assert await studio.seconds_until_stopping(3 * PERIOD)
    assert "its guard did not answer" in studio.said


async def test_a_machine_that_somebody_started_in_the_console_has_the_grace_of_a_wake(studio: Studio) -> None:
    studio.cloud.start(studio.machine_id)
    await studio.clock.advance(ReaperPolicy().grace - 1)
    assert studio.cloud.running()
    assert await studio.seconds_until_stopping(2 * PERIOD + 1)


async def test_a_machine_that_wakes_is_never_met_without_a_lease(studio: Studio) -> None:
    await studio.wake(60)
    await studio.clock.advance(10 * PERIOD)
    assert not studio.cloud.running()
    await studio.start()
    await studio.clock.advance(studio.cloud.times.wake)
    studio.cloud.machine(studio.machine_id).silent = True
    await studio.clock.advance(900)
    assert studio.cloud.running() == [studio.machine_id]


@pytest.mark.parametrize("skew", [-90.0, 90.0])
async def test_while_the_clocks_disagree_nothing_is_stopped(studio: Studio, skew: float) -> None:
    await studio.wake(60)
    studio.cloud.skew = skew
    await studio.clock.advance(HOUR)
    assert studio.cloud.running() and "The clock of this computer" in studio.said
    studio.cloud.skew = 0
    assert await studio.seconds_until_stopping(3 * PERIOD)


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "UnauthorizedOperation", "InternalError"])
async def test_a_list_that_aws_does_not_give_stops_nothing(studio: Studio, code: str) -> None:
    await studio.wake(60)
    studio.cloud.fail("DescribeInstances", code, times=None)
    await studio.clock.advance(10 * PERIOD)
    assert studio.cloud.running() and code in studio.said
    studio.cloud.heal()
    assert await studio.seconds_until_stopping(4 * PERIOD)


async def test_a_machine_that_is_stuck_while_it_stops_is_forced_and_raises_an_alarm(studio: Studio) -> None:
    await studio.wake(60)
    studio.cloud.stick(studio.machine_id)
    await studio.clock.advance(60 + 2 * (ReaperPolicy().stop_deadline + 3 * PERIOD))
    assert [call.arguments.get("Force") for call in studio.cloud.asked("StopInstances")][-1] is True
    assert studio.reaper.findings[-1].alarm
    studio.cloud.unstick(studio.machine_id)
    await studio.clock.advance(2 * PERIOD)
    assert studio.said.endswith("has stopped.")


async def test_an_hour_at_work_costs_few_writes_of_tags(studio: Studio) -> None:
    keeping = asyncio.create_task(studio.keeper.run())
    await studio.start()
    studio.keeper.want(studio.machine_id, 0.0, working=True)
    await studio.clock.advance(HOUR)
    assert len([c for c in studio.cloud.asked("CreateTags") if LEASE_UNTIL in str(c.arguments)]) <= 30
    assert studio.cloud.running() == [studio.machine_id]
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
