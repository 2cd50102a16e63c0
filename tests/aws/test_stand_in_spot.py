"""The stand-in's spot market: the cloud lends, takes back, and alone gives again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.cloud import Cloud
from wake_service.agent.wire import NoticeKind
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsCapacity, AwsError, AwsWrongState
from wake_service.clock import ManualClock


@pytest.fixture
def aws(cloud: Cloud) -> Aws:
    return cloud.aws()


async def awake(cloud: Cloud, clock: ManualClock) -> str:
    id = cloud.add_machine(spot=True)
    cloud.start(id)
    await clock.advance(cloud.times.wake)
    return id


async def request(aws: Aws) -> dict[str, Any]:
    answer: list[dict[str, Any]] = (await aws.call("ec2", "describe_spot_instance_requests"))["SpotInstanceRequests"]
    return answer[0]


async def test_a_spot_instance_that_we_stopped_is_ours_to_start(cloud: Cloud, clock: ManualClock, aws: Aws) -> None:
    id = await awake(cloud, clock)
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    await clock.advance(cloud.times.stopping)
    assert (await request(aws))["State"] == "disabled"
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    assert (await request(aws))["State"] == "active"


async def test_an_interruption_is_announced_to_the_machine_two_minutes_before(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    cloud.interrupt(id)
    notice = cloud.machine(id).report().notice
    assert notice is not None
    assert (notice.kind, notice.at) == (NoticeKind.INTERRUPTION, clock.now() + 120)
    await clock.advance(119)
    assert cloud.state(id) == "running"
    await clock.advance(1)
    assert cloud.state(id) == "stopping"


async def test_a_machine_that_stopped_by_itself_after_the_notice_belongs_to_the_cloud(
    cloud: Cloud, clock: ManualClock, aws: Aws
) -> None:
    id = await awake(cloud, clock)
    cloud.interrupt(id)
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    await clock.advance(150)
    with pytest.raises(AwsWrongState, match="IncorrectSpotRequestState"):
        await aws.call("ec2", "start_instances", InstanceIds=[id])


async def test_only_the_cloud_restarts_what_it_interrupted(cloud: Cloud, clock: ManualClock, aws: Aws) -> None:
    id = await awake(cloud, clock)
    cloud.interrupt(id, notice=0)
    await clock.advance(cloud.times.stopping)
    found = await request(aws)
    assert (found["State"], found["Status"]["Code"]) == ("open", "instance-stopped-no-capacity")
    with pytest.raises(AwsWrongState, match="IncorrectSpotRequestState"):
        await aws.call("ec2", "start_instances", InstanceIds=[id])
    cloud.restart_interrupted(id)
    await clock.advance(cloud.times.pending)
    assert (cloud.state(id), (await request(aws))["State"]) == ("running", "active")


async def test_a_rebalance_hint_reaches_the_machine_and_nothing_else_happens(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    cloud.rebalance(id)
    notice = cloud.machine(id).report().notice
    assert notice is not None and notice.kind is NoticeKind.REBALANCE
    await clock.advance(3600)
    assert cloud.state(id) == "running"


async def test_the_type_of_a_spot_instance_cannot_be_changed(cloud: Cloud, aws: Aws) -> None:
    id = cloud.add_machine(spot=True)
    with pytest.raises(AwsError):
        await aws.call("ec2", "modify_instance_attribute", InstanceId=id, InstanceType={"Value": "g6.xlarge"})
    assert cloud.instance(id).instance_type == "g5.xlarge"


async def test_the_spot_market_can_be_empty_by_itself(cloud: Cloud, aws: Aws) -> None:
    spot, own = cloud.add_machine(spot=True), cloud.add_machine()
    cloud.take("g5.xlarge", market="spot")
    await aws.call("ec2", "start_instances", InstanceIds=[own])
    with pytest.raises(AwsCapacity):
        await aws.call("ec2", "start_instances", InstanceIds=[spot])


async def test_a_spot_machine_that_is_terminated_comes_back_unless_its_request_is_cancelled(
    cloud: Cloud, clock: ManualClock, aws: Aws
) -> None:
    id = await awake(cloud, clock)
    await aws.call("ec2", "terminate_instances", InstanceIds=[id])
    await clock.advance(120)
    (again,) = cloud.running()
    asked = (await request(aws))["SpotInstanceRequestId"]
    await aws.call("ec2", "cancel_spot_instance_requests", SpotInstanceRequestIds=[asked])
    await aws.call("ec2", "terminate_instances", InstanceIds=[again])
    await clock.advance(120)
    assert cloud.running() == []


async def test_a_spot_machine_without_a_request_cannot_be_stopped(cloud: Cloud, clock: ManualClock, aws: Aws) -> None:
    id = await awake(cloud, clock)
    asked = (await request(aws))["SpotInstanceRequestId"]
    await aws.call("ec2", "cancel_spot_instance_requests", SpotInstanceRequestIds=[asked])
    with pytest.raises(AwsError, match="UnsupportedOperation"):
        await aws.call("ec2", "stop_instances", InstanceIds=[id])
