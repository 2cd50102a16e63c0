"""New machines from the launch template: one for each intent, where and as it was meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.cloud import STUDIO, Cloud
from wake_service.aws import tags
from wake_service.errors import NoCapacity, ProviderError
from wake_service.providers.ec2.create import client_token, create, create_somewhere, intent_key
from wake_service.providers.ec2.options import Ec2Options

OPTIONS = Ec2Options(deployment=STUDIO)


@pytest.fixture(autouse=True)
def template(cloud: Cloud) -> None:
    cloud.launch_template(STUDIO)


def requests(cloud: Cloud) -> list[dict[str, Any]]:
    return [dict(call.arguments) for call in cloud.asked("RunInstances")]


async def test_an_intent_makes_one_machine_however_often_it_is_asked(cloud: Cloud) -> None:
    aws = cloud.aws()
    first = await create(aws, OPTIONS, "the admin's first machine")
    assert await create(aws, OPTIONS, "the admin's first machine") == first
    assert await create(aws, OPTIONS, "the admin's second machine") != first
    assert len(cloud.running()) == 2


async def test_an_intent_that_is_told_otherwise_is_still_the_same(cloud: Cloud) -> None:
    aws = cloud.aws()
    first = await create(aws, OPTIONS, "first", zone="us-east-1a")
    assert await create(aws, OPTIONS, "first", zone="us-east-1b") == first
    assert cloud.running() == [first]


async def test_a_machine_that_was_deleted_is_made_anew(cloud: Cloud) -> None:
    aws = cloud.aws()
    first = await create(aws, OPTIONS, "first")
    cloud.fail("RunInstances", "IdempotentInstanceTerminated", match=client_token(STUDIO, "first", 0))
    cloud.terminate(first)
    assert await create(aws, OPTIONS, "first") != first


async def test_somebody_who_deletes_every_machine_is_pointed_out(cloud: Cloud) -> None:
    cloud.fail("RunInstances", "IdempotentInstanceTerminated", times=None)
    with pytest.raises(ProviderError, match="was made and deleted 10 times already"):
        await create(cloud.aws(), OPTIONS, "first")


async def test_a_new_machine_is_known_as_ours_from_its_first_moment(cloud: Cloud) -> None:
    made = await create(cloud.aws(), OPTIONS, "first", pool="paint")
    tagged = cloud.tags(made)
    assert (tagged[tags.DEPLOYMENT], tagged[tags.POOL], tagged[tags.INTENT]) == (STUDIO, "paint", intent_key("first"))
    specified = {spec["ResourceType"] for spec in requests(cloud)[0]["TagSpecifications"]}
    assert specified == {"instance", "volume", "network-interface"}


async def test_a_spot_machine_is_asked_for_persistently_and_stops_when_taken_back(cloud: Cloud) -> None:
    made = await create(cloud.aws(), OPTIONS, "first", spot=True)
    (request,) = requests(cloud)
    assert request["InstanceMarketOptions"]["SpotOptions"] == {
        "SpotInstanceType": "persistent",
        "InstanceInterruptionBehavior": "stop",
    }
    assert "spot-instances-request" in {spec["ResourceType"] for spec in request["TagSpecifications"]}
    assert cloud.instance(made).lifecycle == "spot"


async def test_a_machine_is_made_in_our_own_network_of_the_zone(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    subnets = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}
    ours = subnets["us-east-1b"]
    ec2.create_tags(Resources=[ours], Tags=tags.as_list({tags.DEPLOYMENT: STUDIO}))
    made = await create(cloud.aws(), OPTIONS, "first", zone="us-east-1b")
    assert cloud.instance(made).subnet_id == ours
    with pytest.raises(ProviderError, match="has no network in us-east-1c"):
        await create(cloud.aws(), OPTIONS, "second", zone="us-east-1c")


def our_subnets(cloud: Cloud, *zones: str) -> dict[str, str]:
    """Makes the account's subnets in these zones the deployment's; zone to id."""
    ec2 = cloud.client("ec2")
    found = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]}
    ours = {zone: found[zone] for zone in zones}
    ec2.create_tags(Resources=list(ours.values()), Tags=tags.as_list({tags.DEPLOYMENT: STUDIO}))
    return ours


async def test_a_machine_that_may_be_anywhere_is_made_in_our_network_where_there_is_room(cloud: Cloud) -> None:
    ours = our_subnets(cloud, "us-east-1b", "us-east-1c")
    aws = cloud.aws()
    assert cloud.instance(await create_somewhere(aws, OPTIONS, "first")).subnet_id == ours["us-east-1b"]
    cloud.take("g5.xlarge", "us-east-1b")
    assert cloud.instance(await create_somewhere(aws, OPTIONS, "second")).subnet_id == ours["us-east-1c"]
    cloud.take("g5.xlarge")
    with pytest.raises(NoCapacity):
        await create_somewhere(aws, OPTIONS, "third")
    assert len(cloud.running()) == 2


async def test_an_intent_that_went_to_another_zone_stays_there_when_the_first_has_room_again(cloud: Cloud) -> None:
    our_subnets(cloud, "us-east-1b", "us-east-1c")
    aws = cloud.aws()
    cloud.take("g5.xlarge", "us-east-1b")
    first = await create_somewhere(aws, OPTIONS, "first")
    cloud.give_back("g5.xlarge", "us-east-1b")
    await cloud.clock.advance(60)  # type: ignore[attr-defined]
    assert await create_somewhere(aws, OPTIONS, "first") == first
    assert cloud.running() == [first]


async def test_a_kind_that_is_taken_is_said_to_be(cloud: Cloud) -> None:
    cloud.take("g6.xlarge")
    with pytest.raises(NoCapacity):
        await create(cloud.aws(), OPTIONS, "first", instance_type="g6.xlarge")
    assert cloud.running() == []


async def test_a_template_can_be_named_by_its_id(cloud: Cloud) -> None:
    template = cloud.launch_template("another", instance_type="g6.xlarge")
    made = await create(cloud.aws(), Ec2Options(deployment=STUDIO, launch_template=template), "first")
    assert cloud.instance(made).instance_type == "g6.xlarge"
