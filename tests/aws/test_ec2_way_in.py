"""The one rule that lets the service in to its machines."""

from __future__ import annotations

import pytest

from tests.aws.cloud import ADDRESS, Cloud
from tests.aws.studio import Studio, studio
from wake_service.clock import ManualClock
from wake_service.providers.base import BootStage


async def test_a_wake_lets_the_services_address_in_and_nobody_else(clock: ManualClock, cloud: Cloud) -> None:
    async with studio(clock, cloud) as s:
        assert s.networks() == []
        await s.wake(cloud.add_machine())
        assert s.networks() == [f"{ADDRESS}/32"]


async def test_the_next_wake_replaces_an_address_that_is_no_longer_ours(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        await s.sleep(machine)
        cloud.move("203.0.113.9")
        await s.restart()
        await s.wake(machine)
        assert s.networks() == ["203.0.113.9/32"]


async def test_rules_of_others_are_left_alone(clock: ManualClock, cloud: Cloud) -> None:
    async with studio(clock, cloud) as s:
        allow(s, "192.0.2.0/24", "the admin's office")
        cloud.move("203.0.113.9")
        await s.wake(cloud.add_machine())
        assert s.networks() == ["192.0.2.0/24", "203.0.113.9/32"]


async def test_an_address_that_changes_while_she_paints_is_healed(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        awake = await s.wake(machine)
        cloud.machine(machine).set_queue(running=1)
        cloud.move("203.0.113.9")
        await clock.advance(5)
        assert s.networks() == ["203.0.113.9/32"]
        assert s.last(machine) == awake, "nobody was told anything: it goes on"
        cloud.machine(machine).fail_engine("The engine ended.")
        await clock.advance(1)
        assert s.last(machine).message == "The engine ended.", "the machine is heard again"
        assert cloud.running() == [machine]


async def test_an_address_that_changes_during_the_boot_is_healed(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await clock.advance(10)
        cloud.move("203.0.113.9")
        await clock.advance(cloud.times.wake)
        assert s.last(machine).stage is BootStage.ENGINE


async def test_the_next_service_lets_itself_in_to_what_runs(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        await s.wake(machine)
        cloud.move("203.0.113.9")
        await s.restart()
        assert (await s.look(machine)).stage is BootStage.ENGINE


@pytest.mark.parametrize("operation", ["AuthorizeSecurityGroupIngress", "DescribeSecurityGroupRules"])
async def test_a_rule_that_could_not_be_written_is_written_once_the_machine_is_dialled(
    clock: ManualClock, cloud: Cloud, operation: str
) -> None:
    machine = cloud.add_machine()
    cloud.fail(operation, "InternalError", times=6)
    async with studio(clock, cloud) as s:
        await s.provider.start(machine)
        await clock.advance(90)
        assert s.last(machine).stage is BootStage.ENGINE


async def test_a_lost_answer_to_the_rule_leaves_one_rule(clock: ManualClock, cloud: Cloud) -> None:
    cloud.fail("AuthorizeSecurityGroupIngress", "ReadTimeout", acted=True)
    async with studio(clock, cloud) as s:
        await s.wake(cloud.add_machine())
        assert s.networks() == [f"{ADDRESS}/32"]


async def test_many_wakes_leave_one_rule(clock: ManualClock, cloud: Cloud) -> None:
    machine = cloud.add_machine()
    async with studio(clock, cloud) as s:
        for _ in range(3):
            await s.wake(machine)
            await s.sleep(machine)
        assert len(cloud.asked("AuthorizeSecurityGroupIngress")) == 1


def allow(s: Studio, network: str, why: str) -> None:
    permission = {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": network, "Description": why}]}
    s.cloud.client("ec2").authorize_security_group_ingress(GroupId=s.options.security_group, IpPermissions=[permission])
