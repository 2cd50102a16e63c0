"""The template: clean, small enough to be sent, closed to the world, and applied in the stand-in."""

from __future__ import annotations

import re
from typing import Any

import cfnlint
import pytest

from tests.aws.cloud import Cloud
from tests.aws.formation import STUDIO, TEMPLATE, apply
from tests.aws.stack_policies import resources, template, value
from wake_service.aws.stack import find_stack, image_in_use
from wake_service.errors import SetupError

#: What CloudFormation takes as a template that comes with the call, in bytes.
LARGEST = 51_200


@pytest.fixture
def plans() -> dict[str, dict[str, Any]]:
    """What machines are made from, by the name in the template."""
    return {name: one["LaunchTemplateData"] for name, one in resources("AWS::EC2::LaunchTemplate").items()}


def test_cfn_lint_has_nothing_to_say() -> None:
    assert cfnlint.lint(TEMPLATE.read_text(encoding="utf-8")) == []


def test_it_can_be_sent_as_it_is() -> None:
    assert TEMPLATE.stat().st_size < LARGEST


def test_there_is_no_nat_gateway_and_no_service_unless_asked_for() -> None:
    written = template()
    assert {name: entry.get("Condition") for name, entry in written["Resources"].items() if "Nat" in entry["Type"]} == {
        "Nat": "HasNat"
    }
    assert [written["Parameters"][name]["Default"] for name in ("NatGateway", "RunService", "CurfewCron")] == ["no", "no", ""]
    assert {entry.get("Condition") for name, entry in written["Resources"].items() if entry["Type"] == "AWS::EC2::Instance"} == {
        "HasService"
    }


def test_metadata_is_given_to_who_has_a_session_and_not_beyond_the_machine(plans: dict[str, dict[str, Any]]) -> None:
    assert plans
    for plan in plans.values():
        assert plan["MetadataOptions"]["HttpTokens"] == "required"
        assert plan["MetadataOptions"]["HttpPutResponseHopLimit"] == 1


def test_every_disk_is_encrypted_and_goes_with_its_machine(plans: dict[str, dict[str, Any]]) -> None:
    disks = [device["Ebs"] for plan in plans.values() for device in plan["BlockDeviceMappings"]]
    assert len(disks) == 3
    assert all(
        disk["Encrypted"] is True and disk["VolumeType"] == "gp3" and disk["DeleteOnTermination"] is True for disk in disks
    )


def test_a_machine_that_shuts_down_is_stopped_and_not_deleted(plans: dict[str, dict[str, Any]]) -> None:
    assert plans["MachinePlan"]["InstanceInitiatedShutdownBehavior"] == "stop"
    assert "UserData" not in plans["MachinePlan"]


def test_nothing_lets_everybody_in() -> None:
    groups = resources("AWS::EC2::SecurityGroup")
    entries = [rule for group in groups.values() for rule in group.get("SecurityGroupIngress", ())]
    entries += list(resources("AWS::EC2::SecurityGroupIngress").values())
    assert len(entries) == 2
    assert not [rule for rule in entries if value(rule.get("CidrIp")) == "0.0.0.0/0" or "CidrIpv6" in rule]
    studio = template()["Parameters"]["StudioCidr"]
    assert studio["Default"] != "0.0.0.0/0"
    assert not re.match(studio["AllowedPattern"], "0.0.0.0/0")


def test_the_machines_group_is_empty_until_the_service_writes_its_rule() -> None:
    assert "SecurityGroupIngress" not in resources("AWS::EC2::SecurityGroup")["MachineGroup"]


def test_the_bucket_is_encrypted_closed_and_outlives_the_stack() -> None:
    (bucket,) = resources("AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert template()["Resources"]["Bucket"]["DeletionPolicy"] == "Retain"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["old-pictures"]["Transitions"][0]["StorageClass"] == "GLACIER_IR"
    assert "AbortIncompleteMultipartUpload" in rules["broken-off-uploads"]


def test_shared_files_are_encrypted_and_spoken_to_over_tls() -> None:
    (files,) = resources("AWS::EFS::FileSystem").values()
    assert files["Encrypted"] is True
    assert any(statement["Effect"] == "Deny" for statement in files["FileSystemPolicy"]["Statement"])


def test_whatever_can_have_a_tag_has_ours() -> None:
    untaggable = {
        "RouteTableAssociation",
        "Route",
        "GatewayAttachment",
        "MountTarget",
        "InstanceProfile",
        "Policy",
        "BucketPolicy",
    }
    untaggable |= {"SubnetRouteTableAssociation", "VPCGatewayAttachment", "VPCEndpoint", "Schedule", "RecordSet", "Budget"}
    for name, entry in template()["Resources"].items():
        if entry["Type"].rsplit("::", 1)[1] in untaggable or name == "OuterSubnet":
            continue
        written = entry["Properties"]
        pairs = written.get("Tags") or written.get("FileSystemTags") or written["TagSpecifications"][0]["Tags"]
        assert {"Key": "wakebrush", "Value": "studio"} in value(pairs), name


async def test_applied_it_tells_the_service_all_that_it_needs(cloud: Cloud) -> None:
    image = cloud.setting.image()
    outputs = apply(cloud, ImageId=image)
    stack = await find_stack(cloud.aws(), STUDIO)
    assert stack is not None and stack.usable
    assert (stack.launch_template, stack.security_group) == (outputs["LaunchTemplate"], outputs["SecurityGroup"])
    assert (stack.bucket, stack.guard_port, len(stack.subnets)) == (f"studio-{cloud.account.number}-us-east-1", 8443, 2)
    assert stack.schedule_group == STUDIO and stack.machine_list == "studio-machines"
    assert await image_in_use(cloud.aws(), stack) == image


async def test_what_is_applied_is_open_to_nobody(cloud: Cloud) -> None:
    outputs = apply(cloud)
    (group,) = cloud.client("ec2").describe_security_groups(GroupIds=[outputs["SecurityGroup"]])["SecurityGroups"]
    assert group["IpPermissions"] == []
    assert group["GroupName"] == "studio-machines"
    assert not cloud.client("ec2").describe_nat_gateways()["NatGateways"]


async def test_a_nat_gateway_takes_the_machines_public_addresses_away(cloud: Cloud) -> None:
    outputs = apply(cloud, NatGateway="yes")
    ec2 = cloud.client("ec2")
    assert len(ec2.describe_nat_gateways()["NatGateways"]) == 1
    subnets = ec2.describe_subnets(SubnetIds=outputs["Subnets"].split(","))["Subnets"]
    assert [subnet["MapPublicIpOnLaunch"] for subnet in subnets] == [False, False]


async def test_a_name_without_a_stack_is_no_stack(cloud: Cloud) -> None:
    assert await find_stack(cloud.aws(), "nowhere") is None


async def test_a_stack_of_another_making_is_refused_in_a_sentence(cloud: Cloud) -> None:
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    cloud.client("cloudformation").create_stack(StackName=STUDIO, TemplateBody=body)
    with pytest.raises(SetupError, match="Apply the template again"):
        await find_stack(cloud.aws(), STUDIO)
