"""`wakebrush aws uninstall`: ends with nothing of ours, wherever it was interrupted before."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from tests.aws.cloud import Cloud
from tests.aws.formation import STUDIO, apply
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.inventory import Kind, Thing, take_inventory
from wake_service.aws.uninstall import KEPT, Left, in_order, uninstall
from wake_service.clock import ManualClock
from wake_service.errors import ProviderError

T = TypeVar("T")
OURS = [{"Key": "wakebrush", "Value": STUDIO}]
THEIRS = [{"Key": "wakebrush", "Value": "somebody"}]
#: A stack of no more than what uninstalling has to do with, so that hundreds of accounts can be made.
SMALL = """
Resources:
  Bucket:
    {Type: "AWS::S3::Bucket", DeletionPolicy: Retain, Properties: {BucketName: BUCKET, Tags: [{Key: wakebrush, Value: studio}]}}
  Network: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: 10.0.0.0/16, Tags: [{Key: wakebrush, Value: studio}]}}
"""


class Interrupted(Exception):
    """Somebody pressed Ctrl+C."""


class Interruptible(Aws):
    """Breaks off at a call that changes something: before AWS hears of it, or once it was done. Between those nothing changes,
    so that breaking off while it looks is the same as after the last change."""

    breaks_at: int | None = None
    acted = False
    count = 0

    async def call(self, service: str, operation: str, **arguments: Any) -> Answer:
        if operation.startswith(("describe_", "list_", "get_")):
            return await super().call(service, operation, **arguments)
        self.count += 1
        if self.count == self.breaks_at and not self.acted:
            raise Interrupted
        answer = await super().call(service, operation, **arguments)
        if self.count == self.breaks_at:
            raise Interrupted
        return answer


def account(cloud: Cloud) -> Interruptible:
    return Interruptible(cloud.region, cloud.clock, run=cloud._run, session=cloud.front.session())


async def finish(clock: Any, work: Coroutine[Any, Any, T]) -> T:
    """What a long work comes to, with the clock moved for it."""
    task = asyncio.ensure_future(work)
    for _ in range(1000):
        if task.done():
            return await task
        await clock.advance(5)
    raise AssertionError("it never ends")


def fill(cloud: Cloud, bucket: str) -> None:
    """One of everything beside the stack, ours and somebody's."""
    ec2 = cloud.client("ec2")
    run = {"ImageId": cloud.setting.image(), "MinCount": 1, "MaxCount": 1, "InstanceType": "g5.xlarge"}
    for tags in (OURS, THEIRS):
        image = ec2.register_image(Name=f"of {tags[0]['Value']}", RootDeviceName="/dev/sda1")["ImageId"]
        ec2.create_tags(Resources=[image], Tags=tags)
        marked = [{"Key": "wakebrush-pool", "Value": "default"}, *tags]
        machine = ec2.run_instances(**run, TagSpecifications=[{"ResourceType": "instance", "Tags": marked}])["Instances"][0]
        disk = ec2.create_volume(
            Size=8, VolumeType="gp3", AvailabilityZone="us-east-1a", TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
        )
        ec2.create_snapshot(VolumeId=disk["VolumeId"], TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}])
        ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])
        name = f"/{tags[0]['Value']}/guard/{machine['InstanceId']}"
        cloud.client("ssm").put_parameter(Name=name, Value="-", Type="SecureString")
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{tags[0]['Value']}-idle-{machine['InstanceId']}",
            MetricName="busy",
            Namespace="Wakebrush",
            Statistic="Maximum",
            Period=300,
            EvaluationPeriods=9,
            Threshold=1.0,
            ComparisonOperator="LessThanThreshold",
            Tags=tags,
        )
    cloud.client("s3").put_object(Bucket=bucket, Key="blobs/ab/abcd", Body=b"a picture")


def small(cloud: Cloud) -> str:
    """A small deployment, and somebody's things; the name of its bucket."""
    bucket = f"studio-{cloud.account.number}"
    cloud.client("cloudformation").create_stack(StackName=STUDIO, TemplateBody=SMALL.replace("BUCKET", bucket))
    fill(cloud, bucket)
    return bucket


async def leave(aws: Aws, clock: Any, *, keep: bool = False) -> Left:
    return await finish(clock, uninstall(aws, STUDIO, keep_pictures=keep, tell=lambda _: None))


async def somebodys(cloud: Cloud) -> dict[Kind, int]:
    things = await take_inventory(cloud.aws(), "somebody")
    return {kind: sum(thing.kind is kind for thing in things) for kind in {thing.kind for thing in things}}


async def test_nothing_of_ours_is_left_and_everything_of_others_is(cloud: Cloud, clock: ManualClock) -> None:
    outputs = apply(cloud, ImageId=cloud.setting.image())
    fill(cloud, outputs["Bucket"])
    before = await somebodys(cloud)
    assert await leave(cloud.aws(), clock) == Left((), None)
    assert await take_inventory(cloud.aws(), STUDIO) == []
    assert await somebodys(cloud) == before and before[Kind.MACHINE] == 1
    assert outputs["Bucket"] not in [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]


async def test_pictures_are_kept_when_told_without_our_tag(cloud: Cloud, clock: ManualClock) -> None:
    bucket = small(cloud)
    assert await leave(cloud.aws(), clock, keep=True) == Left((), bucket)
    s3 = cloud.client("s3")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["blobs/ab/abcd"]
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": KEPT, "Value": STUDIO}]


async def test_a_second_time_there_is_nothing_to_do(cloud: Cloud, clock: ManualClock) -> None:
    small(cloud)
    await leave(cloud.aws(), clock)
    assert await leave(cloud.aws(), clock) == Left((), None)


#: How many calls of an uninstallation that is left alone change something.
CHANGES = 12


def images_of(cloud: Cloud) -> set[str]:
    """The snapshots that the images which are left are made of: they have no tag of their own."""
    images = cloud.client("ec2").describe_images(Owners=["self"])["Images"]
    return {image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for image in images}


async def test_every_change_is_interrupted_below(cloud: Cloud, clock: ManualClock) -> None:
    small(cloud)
    aws = account(cloud)
    await leave(aws, clock)
    assert aws.count == CHANGES


@pytest.mark.parametrize("acted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("change", range(1, CHANGES + 1))
async def test_interrupted_at_any_change_and_repeated_it_ends_with_nothing(
    cloud: Cloud, clock: ManualClock, change: int, acted: bool
) -> None:
    small(cloud)
    aws = account(cloud)
    aws.breaks_at, aws.acted = change, acted
    with pytest.raises(Interrupted):
        await leave(aws, clock)
    assert await leave(aws, clock) == Left((), None)
    assert await take_inventory(cloud.aws(), STUDIO) == []
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    left = cloud.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert {one["SnapshotId"] for one in left if one["Tags"] != THEIRS} <= images_of(cloud)


async def test_machines_that_do_not_end_are_said_after_a_deadline(cloud: Cloud, clock: ManualClock) -> None:
    small(cloud)
    cloud.times.shutting_down = 10_000.0
    with pytest.raises(ProviderError, match="goes on where it stopped"):
        await leave(cloud.aws(), clock)


async def test_a_refusal_ends_it_and_says_which(cloud: Cloud, clock: ManualClock) -> None:
    small(cloud)
    cloud.deny("ec2:DeleteSnapshot")
    with pytest.raises(ProviderError, match="delete_snapshot"):
        await leave(cloud.aws(), clock)
    cloud.allow("ec2:DeleteSnapshot")
    assert await leave(cloud.aws(), clock) == Left((), None)


def test_spot_requests_go_before_their_machines_and_images_before_their_snapshots() -> None:
    things = [Thing(kind, kind.value) for kind in reversed(Kind)]
    order = [thing.kind for thing in in_order(things)]
    assert order.index(Kind.SPOT_REQUEST) < order.index(Kind.MACHINE) < order.index(Kind.DISK)
    assert order.index(Kind.IMAGE) < order.index(Kind.SNAPSHOT)
    assert Kind.BUCKET not in order and Kind.FILES not in order


def test_what_the_stack_made_goes_with_the_stack() -> None:
    assert in_order([Thing(Kind.ADDRESS, "eipalloc-1", of_stack=True)]) == []
