"""How EC2 machines are stopped, whatever they are doing just then."""

from __future__ import annotations

import asyncio

import pytest

from tests.aws.cloud import Cloud
from tests.aws.studio import studio
from wake_service.clock import ManualClock
from wake_service.errors import ProviderError
from wake_service.providers.base import BootStage, NoticeKind, Power


async def test_a_machine_that_aws_does_not_stop_while_it_starts_is_stopped_then(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await s.provider.stop(machine)
        assert cloud.state(machine) == "pending"
        await clock.advance(cloud.times.pending + 3)
        assert cloud.state(machine) == "stopping"
        await clock.advance(cloud.times.stopping + 3)
        assert s.last(machine).power is Power.STOPPED and len(cloud.asked("StopInstances")) == 1


async def test_the_newest_order_counts(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await s.provider.stop(machine)
        await s.provider.start(machine)
        await clock.advance(cloud.times.wake + 5)
        assert s.last(machine).stage is BootStage.ENGINE and cloud.asked("StopInstances") == []


async def test_a_machine_that_starts_for_ever_is_not_waited_for_for_ever(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    cloud.times.pending = 1000.0
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await s.provider.stop(machine)
        await clock.advance(cloud.times.wake + 10)
        assert cloud.asked("StopInstances") == [] and cloud.state(machine) == "running"


@pytest.mark.parametrize("code", ["ReadTimeout", "InternalError"])
async def test_a_lost_answer_to_a_stop_is_found_out_from_the_list(clock: ManualClock, cloud: Cloud, code: str) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.fail("StopInstances", code, times=None, acted=True)
        await s.during(s.provider.stop(machine))
        await clock.advance(cloud.times.stopping + 5)
        assert s.last(machine).power is Power.STOPPED


async def test_a_stop_that_never_arrived_is_said_to_have_failed(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.fail("StopInstances", "ReadTimeout", times=None)
        with pytest.raises(ProviderError, match="did not answer"):
            await s.during(s.provider.stop(machine))
        assert cloud.running() == [machine]


async def test_a_stop_told_twice_is_one_stop_and_force_hastens_it(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        await s.provider.stop(machine)
        await s.provider.stop(machine)
        assert len(cloud.asked("StopInstances")) == 1
        await s.provider.stop(machine, force=True)
        assert cloud.asked("StopInstances")[-1].arguments["Force"] is True
        await clock.advance(cloud.times.forced_stopping + 3)
        assert s.last(machine).power is Power.STOPPED


async def test_a_machine_stuck_in_stopping_is_seen_so_for_as_long_as_it_is(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.stick(machine)
        await s.provider.stop(machine, force=True)
        await clock.advance(600)
        assert (await s.look(machine)).power is Power.STOPPING and s.last(machine).power is Power.STOPPING
        cloud.unstick(machine)
        await clock.advance(5)
        assert s.last(machine).power is Power.STOPPED


async def test_a_restart_of_the_service_during_a_stop_sees_its_end(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        await s.provider.stop(machine)
        await s.restart()
        assert (await s.look(machine)).power is Power.STOPPING
        await clock.advance(cloud.times.stopping + 5)
        assert s.last(machine).power is Power.STOPPED


async def test_a_machine_that_goes_to_sleep_by_itself_is_noticed_at_once(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.power_off(machine)
        await clock.advance(1)
        assert s.last(machine).power is Power.STOPPING


async def test_a_stop_and_a_start_at_the_same_moment_end_in_one_of_both(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await asyncio.gather(s.provider.start(machine), s.provider.stop(machine), return_exceptions=True)
        await clock.advance(120)
        assert (cloud.state(machine), s.provider._starts) == ("stopped", {})


async def test_the_two_minute_notice_is_passed_on(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(spot=True)
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.interrupt(machine)
        await clock.advance(1)
        notice = s.last(machine).notice
        assert notice is not None and (notice.kind, notice.at) == (NoticeKind.INTERRUPTION, clock.now() - 1 + 120)
        await clock.advance(200)
        ended = s.last(machine)
        assert (ended.power, ended.message, ended.notice) == (Power.STOPPED, "AWS took the spot machine back.", None)


async def test_a_hint_that_a_machine_may_be_taken_back_is_passed_on(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(spot=True)
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.rebalance(machine)
        await clock.advance(1)
        notice = s.last(machine).notice
        assert notice is not None and notice.kind is NoticeKind.REBALANCE


async def test_a_spot_machine_that_aws_gives_back_unasked_is_seen_with_its_old_key(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine(spot=True)
    async with studio(clock, cloud) as s:
        before = await s.wake(machine)
        token = s.token(machine)
        cloud.interrupt(machine)
        await clock.advance(200)
        cloud.restart_interrupted(machine)
        await s.look(machine)
        await clock.advance(cloud.times.wake + 5)
        again = s.last(machine)
        assert again.stage is BootStage.ENGINE and again.boot != before.boot
        assert (await s.provider.door(machine)).token == token == s.token(machine)
