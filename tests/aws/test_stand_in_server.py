"""The stand-in over HTTP: for programs that are no part of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.aws.cloud import REGION, Cloud
from tests.aws.cloud.server import Server
from wake_service.aws.clients import Aws
from wake_service.clock import ManualClock, SystemClock


@pytest.fixture
async def aws(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Aws]:
    """The account as another process calls it: in threads, through the network."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASTANDINSTANDIN00")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not a secret")
    server = Server(cloud)
    aws = Aws(REGION, SystemClock(), endpoint=await server.start())
    yield aws
    for client in aws._clients.values():
        client.close()
    await server.stop()


async def test_an_instance_is_started_over_http_and_runs_by_the_clouds_clock(cloud: Cloud, clock: ManualClock, aws: Aws) -> None:
    id = cloud.add_machine()
    answer = await aws.call("ec2", "start_instances", InstanceIds=[id])
    assert answer["StartingInstances"][0]["CurrentState"]["Name"] == "pending"
    await clock.advance(cloud.times.pending)
    shown = await aws.call("ec2", "describe_instances", InstanceIds=[id])
    assert shown["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"


async def test_a_presigned_link_is_answered(cloud: Cloud, aws: Aws) -> None:
    await aws.call("s3", "create_bucket", Bucket="pictures")
    await aws.call("s3", "put_object", Bucket="pictures", Key="a b/c.png", Body=b"picture")
    s3 = aws.client("s3")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "pictures", "Key": "a b/c.png"}, ExpiresIn=60)
    async with aiohttp.ClientSession() as session, session.get(link) as response:
        assert (response.status, await response.read()) == (200, b"picture")


async def test_other_services_are_told_apart_by_their_signature(cloud: Cloud, aws: Aws) -> None:
    await aws.call("ssm", "put_parameter", Name="/studio/x", Value="1", Type="String")
    assert (await aws.call("ssm", "get_parameter", Name="/studio/x"))["Parameter"]["Value"] == "1"
    assert (await aws.call("sts", "get_caller_identity"))["Account"] == cloud.account.number
    assert (await aws.call("cloudwatch", "describe_alarms"))["MetricAlarms"] == []


async def test_what_is_not_signed_is_refused(cloud: Cloud) -> None:
    server = Server(cloud)
    url = await server.start()
    assert urlsplit(url).hostname == "127.0.0.1"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 403
    await server.stop()
