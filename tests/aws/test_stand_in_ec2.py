"""The stand-in's EC2 is as slow and as strict as AWS's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.cloud import Cloud
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsCapacity, AwsError, AwsNotFound, AwsWrongState
from wake_service.clock import ManualClock


async def shown(aws: Aws, instance_id: str) -> dict[str, Any]:
    """The instance as AWS lists it."""
    answer = await aws.call("ec2", "describe_instances", InstanceIds=[instance_id])
    found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    return found


async def state(aws: Aws, instance_id: str) -> str:
    return str((await shown(aws, instance_id))["State"]["Name"])


async def awake(cloud: Cloud, clock: ManualClock, **wishes: Any) -> str:
    """A machine that runs, its engine too."""
    instance_id = cloud.add_machine(**wishes)
    cloud.start(instance_id)
    await clock.advance(cloud.times.wake)
    return instance_id


async def test_a_start_and_a_stop_take_their_time(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    seen = []
    cloud.listen(lambda instance_id, state, forced: seen.append((clock.now(), state)))
    began = clock.now()
    answer = await aws.call("ec2", "start_instances", InstanceIds=[id])
    assert answer["StartingInstances"][0]["CurrentState"]["Name"] == "pending"
    await clock.advance(cloud.times.pending - 0.1)
    assert await state(aws, id) == "pending"
    await clock.advance(0.1)
    assert await state(aws, id) == "running"
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    await clock.advance(cloud.times.stopping)
    assert await state(aws, id) == "stopped"
    assert [name for _, name in seen] == ["pending", "running", "stopping", "stopped"]
    assert seen[-1][0] == began + cloud.times.pending + cloud.times.stopping


async def test_a_start_of_what_runs_changes_nothing(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    answer = await cloud.aws().call("ec2", "start_instances", InstanceIds=[id])
    change = answer["StartingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "running")


@pytest.mark.parametrize("operation", ["start_instances", "modify_instance_attribute"])
async def test_nothing_can_be_done_with_an_instance_that_is_stopping(cloud: Cloud, clock: ManualClock, operation: str) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    new_type = {"InstanceId": id, "InstanceType": {"Value": "g6.xlarge"}}
    asked = {"InstanceIds": [id]} if operation == "start_instances" else new_type
    with pytest.raises(AwsWrongState):
        await aws.call("ec2", operation, **asked)


async def test_a_pending_instance_cannot_be_stopped(cloud: Cloud) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    with pytest.raises(AwsWrongState):
        await aws.call("ec2", "stop_instances", InstanceIds=[id])
    assert cloud.state(id) == "pending"


async def test_the_type_of_a_stopped_instance_can_be_changed(cloud: Cloud) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    await aws.call("ec2", "modify_instance_attribute", InstanceId=id, InstanceType={"Value": "g6.xlarge"})
    assert (await shown(aws, id))["InstanceType"] == "g6.xlarge"


async def test_force_hastens_a_stop(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    await clock.advance(1)
    await aws.call("ec2", "stop_instances", InstanceIds=[id], Force=True)
    await clock.advance(cloud.times.forced_stopping)
    assert cloud.state(id) == "stopped"


async def test_a_stuck_instance_stays_in_stopping_whatever_is_asked(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    cloud.stick(id)
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    await aws.call("ec2", "stop_instances", InstanceIds=[id], Force=True)
    await clock.advance(3600)
    assert cloud.state(id) == "stopping"
    cloud.unstick(id)
    assert cloud.state(id) == "stopped"


async def test_an_address_belongs_to_one_start(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), await awake(cloud, clock)
    first = (await shown(aws, id))["PublicIpAddress"]
    await aws.call("ec2", "stop_instances", InstanceIds=[id])
    await clock.advance(cloud.times.stopping)
    assert "PublicIpAddress" not in await shown(aws, id)
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    assert "PublicIpAddress" not in await shown(aws, id)
    await clock.advance(cloud.times.pending)
    assert (await shown(aws, id))["PublicIpAddress"] != first


async def test_a_terminated_instance_never_starts_and_leaves_the_list_after_an_hour(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    await aws.call("ec2", "terminate_instances", InstanceIds=[id])
    assert await state(aws, id) == "shutting-down"
    await clock.advance(cloud.times.shutting_down)
    assert await state(aws, id) == "terminated"
    with pytest.raises(AwsWrongState):
        await aws.call("ec2", "start_instances", InstanceIds=[id])
    await clock.advance(cloud.times.forgotten)
    with pytest.raises(AwsNotFound):
        await aws.call("ec2", "describe_instances", InstanceIds=[id])
    assert cloud.state(id) == "terminated"


async def test_the_same_client_token_is_the_same_instance(cloud: Cloud) -> None:
    aws, template = cloud.aws(), cloud.launch_template()
    wish = {"LaunchTemplate": {"LaunchTemplateId": template}, "MinCount": 1, "MaxCount": 1, "ClientToken": "intent-1"}
    first = await aws.call("ec2", "run_instances", **wish)
    again = await aws.call("ec2", "run_instances", **wish)
    assert first["Instances"][0]["InstanceId"] == again["Instances"][0]["InstanceId"]
    with pytest.raises(AwsError, match="IdempotentParameterMismatch"):
        await aws.call("ec2", "run_instances", **wish, InstanceType="g6.xlarge")
    await aws.call("ec2", "run_instances", **{**wish, "ClientToken": "intent-2"})
    assert len(cloud.running()) == 2


async def test_what_was_just_made_is_not_known_yet(cloud: Cloud, clock: ManualClock) -> None:
    cloud.times.visible = 3.0
    aws, template = cloud.aws(), cloud.launch_template()
    run = await aws.call("ec2", "run_instances", LaunchTemplate={"LaunchTemplateId": template}, MinCount=1, MaxCount=1)
    id = run["Instances"][0]["InstanceId"]
    with pytest.raises(AwsNotFound):
        await shown(aws, id)
    assert (await aws.call("ec2", "describe_instances"))["Reservations"] == []
    assert cloud.running() == [id]
    await clock.advance(3)
    assert await state(aws, id) == "pending"


async def test_tags_are_shown_late(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    cloud.times.tags = 2.0
    await aws.call("ec2", "create_tags", Resources=[id], Tags=[{"Key": "lease-until", "Value": "soon"}])
    assert "lease-until" not in {tag["Key"] for tag in (await shown(aws, id))["Tags"]}
    await clock.advance(2)
    assert {"Key": "lease-until", "Value": "soon"} in (await shown(aws, id))["Tags"]


async def test_a_launch_template_is_followed_in_all_it_says(cloud: Cloud) -> None:
    aws, template = cloud.aws(), cloud.launch_template(instance_type="g6.xlarge", spot=True, gib=120)
    run = await aws.call("ec2", "run_instances", LaunchTemplate={"LaunchTemplateId": template}, MinCount=1, MaxCount=1)
    found = await shown(aws, run["Instances"][0]["InstanceId"])
    assert (found["InstanceType"], found["InstanceLifecycle"], found["MetadataOptions"]["HttpTokens"]) == (
        "g6.xlarge",
        "spot",
        "required",
    )
    volumes = (await aws.call("ec2", "describe_volumes"))["Volumes"]
    assert [(volume["Size"], {"Key": "wakebrush", "Value": "studio"} in volume["Tags"]) for volume in volumes] == [(120, True)]


async def test_taken_capacity_is_missing_at_start_and_at_run(cloud: Cloud) -> None:
    aws, id, template = cloud.aws(), cloud.add_machine(), cloud.launch_template()
    wish = {"LaunchTemplate": {"LaunchTemplateId": template}, "MinCount": 1, "MaxCount": 1}
    cloud.take("g5.xlarge", "us-east-1a")
    with pytest.raises(AwsCapacity):
        await aws.call("ec2", "start_instances", InstanceIds=[id])
    with pytest.raises(AwsCapacity):
        await aws.call("ec2", "run_instances", **wish)
    assert cloud.running() == []
    await aws.call("ec2", "run_instances", **wish, Placement={"AvailabilityZone": "us-east-1b"})
    cloud.give_back("g5.xlarge", "us-east-1a")
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    assert len(cloud.running()) == 2


async def test_a_machine_can_stop_itself(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    cloud.power_off(id)
    await clock.advance(cloud.times.stopping)
    found = await shown(cloud.aws(), id)
    assert (found["State"]["Name"], found["StateReason"]["Code"]) == ("stopped", "Client.InstanceInitiatedShutdown")


async def test_two_clouds_know_nothing_of_each_other(cloud: Cloud, clock: ManualClock) -> None:
    other = Cloud(clock)
    other.add_machine()
    assert (await cloud.aws().call("ec2", "describe_instances"))["Reservations"] == []
    await other.close()


async def test_a_cloud_lives_by_the_clock_of_its_test(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    assert (await shown(cloud.aws(), id))["LaunchTime"].timestamp() == clock.now() - cloud.times.wake


async def test_a_system_disk_comes_off_when_stopped_only_and_none_starts_without(cloud: Cloud, clock: ManualClock) -> None:
    aws, machine = cloud.aws(), cloud.add_machine()
    described = (await aws.call("ec2", "describe_instances", InstanceIds=[machine]))["Reservations"][0]["Instances"][0]
    disk = described["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    await aws.call("ec2", "start_instances", InstanceIds=[machine])
    await clock.advance(cloud.times.wake)
    with pytest.raises(AwsError, match="Unable to detach root volume"):
        await aws.call("ec2", "detach_volume", VolumeId=disk, InstanceId=machine)
    await aws.call("ec2", "stop_instances", InstanceIds=[machine])
    await clock.advance(cloud.times.stopping)
    await aws.call("ec2", "detach_volume", VolumeId=disk, InstanceId=machine)
    with pytest.raises(AwsWrongState, match="does not have a volume attached at root"):
        await aws.call("ec2", "start_instances", InstanceIds=[machine])
    await aws.call("ec2", "attach_volume", VolumeId=disk, InstanceId=machine, Device="/dev/sda1")
    await aws.call("ec2", "start_instances", InstanceIds=[machine])
