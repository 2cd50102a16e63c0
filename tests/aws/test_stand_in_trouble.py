"""The stand-in fails as AWS does: refusals, lost answers, silence, missing rights, a wrong clock."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from tests.aws.cloud import Cloud
from wake_service.aws.clients import TRIES, Aws, cloud_time
from wake_service.aws.errors import AwsCapacity, AwsDenied, AwsError, AwsNotFound, AwsQuota
from wake_service.clock import ManualClock
from wake_service.errors import ProviderTimeout


async def patient(clock: ManualClock, aws: Aws, operation: str, **asked: object) -> object:
    """A call whose pauses between tries pass."""
    call = asyncio.ensure_future(aws.call("ec2", operation, **asked))
    await clock.advance(60)
    return await call


async def test_a_fault_strikes_as_often_as_it_was_announced(cloud: Cloud) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    fault = cloud.fail("StartInstances", "InsufficientInstanceCapacity", times=2)
    for _ in range(2):
        with pytest.raises(AwsCapacity):
            await aws.call("ec2", "start_instances", InstanceIds=[id])
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    assert (fault.met, cloud.state(id)) == (2, "pending")


async def test_a_fault_strikes_only_what_it_names(cloud: Cloud) -> None:
    aws, one, other = cloud.aws(), cloud.add_machine(), cloud.add_machine()
    cloud.fail("StartInstances", "VcpuLimitExceeded", times=None, match=one)
    await aws.call("ec2", "start_instances", InstanceIds=[other])
    with pytest.raises(AwsQuota):
        await aws.call("ec2", "start_instances", InstanceIds=[one])
    cloud.heal()
    await aws.call("ec2", "start_instances", InstanceIds=[one])


async def test_an_answer_may_be_lost_after_the_deed(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    cloud.fail("StartInstances", "InternalError", acted=True)
    await patient(clock, aws, "start_instances", InstanceIds=[id])
    assert [call.operation for call in cloud.asked("StartInstances")] == ["StartInstances"] * 2
    assert cloud.state(id) == "running"


async def test_throttling_passes(cloud: Cloud, clock: ManualClock) -> None:
    cloud.fail("DescribeInstances", "RequestLimitExceeded", times=TRIES - 1)
    assert await patient(clock, cloud.aws(), "describe_instances")
    assert len(cloud.asked("DescribeInstances")) == TRIES


async def test_a_silent_cloud_answers_nothing_and_does_nothing(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    cloud.silent = True
    cloud.times.timeout = 5.0
    began = clock.now()
    with pytest.raises(ProviderTimeout):
        await patient(clock, aws, "start_instances", InstanceIds=[id])
    assert cloud.state(id) == "stopped"
    assert cloud.calls[-1].at - began >= (TRIES - 1) * cloud.times.timeout
    cloud.heal()
    await aws.call("ec2", "start_instances", InstanceIds=[id])


async def test_a_call_may_end_without_a_connection(cloud: Cloud, clock: ManualClock) -> None:
    cloud.fail("DescribeInstances", "NoConnection", times=None)
    with pytest.raises(AwsError, match="connect"):
        await patient(clock, cloud.aws(), "describe_instances")


async def test_what_is_denied_is_refused_and_a_dry_run_says_so(cloud: Cloud) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    with pytest.raises(AwsError, match="DryRunOperation"):
        await aws.call("ec2", "start_instances", InstanceIds=[id], DryRun=True)
    cloud.deny("ec2:Start*")
    for dry in (True, False):
        with pytest.raises(AwsDenied, match="UnauthorizedOperation"):
            await aws.call("ec2", "start_instances", InstanceIds=[id], DryRun=dry)
    assert cloud.state(id) == "stopped"
    cloud.allow("ec2:Start*")
    await aws.call("ec2", "start_instances", InstanceIds=[id])


@pytest.mark.parametrize(
    ("service", "operation", "asked", "code"),
    [
        ("ssm", "get_parameter", {"Name": "/studio/guard/i-1"}, "AccessDeniedException"),
        ("s3", "list_buckets", {}, "AccessDenied"),
        ("cloudwatch", "describe_alarms", {}, "AccessDenied"),
        ("scheduler", "list_schedules", {}, "AccessDeniedException"),
    ],
)
async def test_every_service_has_its_own_word_for_no(
    cloud: Cloud, service: str, operation: str, asked: dict[str, str], code: str
) -> None:
    cloud.deny(f"{service}:*")
    with pytest.raises(AwsDenied, match=f" {code}:"):
        await cloud.aws().call(service, operation, **asked)


async def test_answers_carry_the_time_of_the_clouds_own_clock(cloud: Cloud, clock: ManualClock) -> None:
    aws = cloud.aws()
    assert cloud_time(await aws.call("ec2", "describe_instances")) == clock.now()
    cloud.skew = 90.0
    await clock.advance(10)
    assert cloud_time(await aws.call("ec2", "describe_instances")) == clock.now() + 90


async def test_every_call_is_written_down_with_its_moment_and_arguments(cloud: Cloud, clock: ManualClock) -> None:
    aws, id = cloud.aws(), cloud.add_machine()
    assert cloud.calls == []
    await clock.advance(5)
    await aws.call("ec2", "start_instances", InstanceIds=[id])
    call = cloud.calls[-1]
    assert (call.at, call.service, call.operation, call.arguments) == (
        clock.now(),
        "ec2",
        "StartInstances",
        {"InstanceIds": [id]},
    )


async def test_a_test_may_look_without_being_seen_or_refused(cloud: Cloud) -> None:
    cloud.silent = True
    assert cloud.client("ec2").describe_instances()["Reservations"] == []
    assert cloud.calls == []


async def test_parameters_are_secret_and_tagged(cloud: Cloud) -> None:
    aws = cloud.aws()
    tags = [{"Key": "guard-machine", "Value": "arn"}]
    await aws.call("ssm", "put_parameter", Name="/studio/guard/i-1", Value="token", Type="SecureString", Tags=tags)
    found = (await aws.call("ssm", "get_parameter", Name="/studio/guard/i-1"))["Parameter"]["Value"]
    assert found != "token"
    shown = await aws.call("ssm", "get_parameter", Name="/studio/guard/i-1", WithDecryption=True)
    assert shown["Parameter"]["Value"] == "token"
    listed = await aws.call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId="/studio/guard/i-1")
    assert listed["TagList"] == tags
    with pytest.raises(AwsNotFound):
        await aws.call("ssm", "get_parameter", Name="/studio/guard/i-2")


async def test_an_object_is_written_only_once_if_so_asked(cloud: Cloud) -> None:
    s3 = cloud.aws().client("s3")
    s3.create_bucket(Bucket="pictures")
    s3.put_object(Bucket="pictures", Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="pictures", Key="a", Body=b"2", IfNoneMatch="*")
    assert s3.get_object(Bucket="pictures", Key="a")["Body"].read() == b"1"


async def test_a_large_object_comes_in_parts(cloud: Cloud) -> None:
    s3 = cloud.aws().client("s3")
    s3.create_bucket(Bucket="pictures")
    upload = s3.create_multipart_upload(Bucket="pictures", Key="a")["UploadId"]
    parts = [b"x" * 5 * 1024 * 1024, b"end"]
    done = [
        {
            "ETag": s3.upload_part(Bucket="pictures", Key="a", UploadId=upload, PartNumber=number, Body=part)["ETag"],
            "PartNumber": number,
        }
        for number, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(Bucket="pictures", Key="a", UploadId=upload, MultipartUpload={"Parts": done})
    assert s3.get_object(Bucket="pictures", Key="a")["Body"].read() == b"".join(parts)
