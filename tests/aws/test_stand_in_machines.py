"""The stand-in's machines boot and end with their instances, and are reached as real ones are: through their guard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.cloud import GUARD_PORT, Cloud
from wake_service.agent.link import LinkBroken, LinkRefused
from wake_service.agent.wire import Hold, Stop
from wake_service.aws.tags import FINGERPRINT, READER, guard_parameter
from wake_service.clock import ManualClock
from wake_service.providers.base import Door

TOKEN = "a-token-of-this-wake"


def open_door(cloud: Cloud, address: str) -> None:
    """Lets one address in, as the service does at every wake."""
    rule = {"IpProtocol": "tcp", "FromPort": GUARD_PORT, "ToPort": GUARD_PORT, "IpRanges": [{"CidrIp": f"{address}/32"}]}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=cloud.setting.security_group(), IpPermissions=[rule])


def give_token(cloud: Cloud, id: str, reader: str | None = None) -> None:
    cloud.client("ssm").put_parameter(
        Name=guard_parameter("studio", id),
        Value=TOKEN,
        Type="SecureString",
        Tags=[{"Key": READER, "Value": reader or cloud.arn(id)}],
    )


def door(cloud: Cloud, id: str, **changed: Any) -> Door:
    wish = {"token": TOKEN, "fingerprint": cloud.tags(id)[FINGERPRINT]} | changed
    return Door(f"https://{cloud.instance(id).public_ip}:{GUARD_PORT}", **wish)


async def awake(cloud: Cloud, clock: ManualClock, reader: str | None = None) -> str:
    id = cloud.add_machine()
    give_token(cloud, id, reader)
    open_door(cloud, cloud.address)
    cloud.start(id)
    await clock.advance(cloud.times.wake)
    return id


async def test_a_machine_boots_when_its_instance_runs_and_tells_how_far_it_is(cloud: Cloud, clock: ManualClock) -> None:
    id = cloud.add_machine()
    give_token(cloud, id)
    open_door(cloud, cloud.address)
    cloud.start(id)
    await clock.advance(cloud.times.pending)
    assert cloud.machine(id).life is None and FINGERPRINT not in cloud.tags(id)
    await clock.advance(cloud.times.guard)
    link = await cloud.dial(door(cloud, id))
    first = await anext(link.reports())
    assert not first.answers
    await clock.advance(cloud.times.booting + cloud.times.engine)
    assert cloud.machine(id).report().answers
    await link.close()


async def test_orders_reach_the_machine_and_a_stop_of_its_own_stops_the_instance(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    link = await cloud.dial(door(cloud, id))
    assert (await link.order(Hold(until=None))).done
    assert (await link.order(Stop())).done
    await clock.advance(cloud.times.stopping)
    assert cloud.state(id) == "stopped"
    await link.close()


async def test_the_connection_breaks_when_the_instance_stops(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    link, behind = await cloud.dial(door(cloud, id)), door(cloud, id)
    await cloud.aws().call("ec2", "stop_instances", InstanceIds=[id])
    with pytest.raises(LinkBroken):
        async for _ in link.reports():
            pass
    with pytest.raises(LinkBroken):
        await cloud.dial(behind)
    await link.close()


@pytest.mark.parametrize("wrong", [{"token": "an older token"}, {"fingerprint": "0" * 64}])
async def test_the_guard_refuses_a_wrong_token_and_shows_its_own_certificate(
    cloud: Cloud, clock: ManualClock, wrong: dict[str, str]
) -> None:
    id = await awake(cloud, clock)
    with pytest.raises(LinkRefused):
        await cloud.dial(door(cloud, id, **wrong))


async def test_a_token_that_another_machine_may_read_opens_nothing(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock, reader=cloud.arn("i-another"))
    with pytest.raises(LinkRefused):
        await cloud.dial(door(cloud, id))


async def test_only_the_address_in_the_security_group_gets_through(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    link = await cloud.dial(door(cloud, id))
    cloud.move("203.0.113.9")
    with pytest.raises(LinkBroken):
        async for _ in link.reports():
            pass
    with pytest.raises(LinkBroken):
        await cloud.dial(door(cloud, id))
    open_door(cloud, cloud.address)
    again = await cloud.dial(door(cloud, id))
    for each in (link, again):
        await each.close()


async def test_nothing_answers_under_an_address_of_an_earlier_start(cloud: Cloud, clock: ManualClock) -> None:
    id = await awake(cloud, clock)
    old = door(cloud, id)
    await cloud.aws().call("ec2", "stop_instances", InstanceIds=[id])
    await clock.advance(cloud.times.stopping)
    cloud.start(id)
    await clock.advance(cloud.times.wake)
    with pytest.raises(LinkBroken):
        await cloud.dial(old)
