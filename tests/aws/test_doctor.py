"""`wakebrush aws doctor`: on an empty account, on a complete one, and with each right taken away in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.aws.cloud import Cloud
from tests.aws.formation import STUDIO, apply, join_subnets
from wake_service.aws import findings
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.doctor import Doctor
from wake_service.aws.findings import Finding

#: Every right that the doctor tries, with the subject it is reported under.
TRIED = [
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateTags",
    "ec2:ModifyInstanceAttribute",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:PutObject",
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:GetParameter",
    "ssm:PutParameter",
]
LOOKED_AT = [
    "cloudformation:DescribeStacks",
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
]


class WithQuota(Aws):
    """moto keeps no quotas of EC2's, so they are answered here."""

    vcpus = 8.0

    async def call(self, service: str, operation: str, **arguments: Any) -> Answer:
        if service == "service-quotas":
            return {"Quota": {"Value": self.vcpus}}
        return await super().call(service, operation, **arguments)


@pytest.fixture
def aws(cloud: Cloud) -> WithQuota:
    return WithQuota(cloud.region, cloud.clock, run=cloud._run, session=cloud.front.session())


@pytest.fixture
async def complete(cloud: Cloud, aws: WithQuota) -> AsyncIterator[WithQuota]:
    """An account in which everything is in place, with one machine asleep."""
    join_subnets(cloud, apply(cloud, ImageId=cloud.setting.image()))
    cloud.add_machine()
    yield aws


async def examine(aws: Aws) -> list[Finding]:
    return await Doctor(aws, STUDIO, 8443).examine()


def wrong(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if not finding.ok]


async def test_an_empty_account_lacks_a_stack_and_a_machine(aws: WithQuota) -> None:
    missing = wrong(await examine(aws))
    assert [finding.subject for finding in missing] == ["stack", "machines"]
    assert "docs/aws.md, step 3" in missing[0].sentence and "wakebrush machines create" in missing[1].sentence


async def test_a_complete_account_lacks_nothing(complete: WithQuota) -> None:
    found = await examine(complete)
    assert wrong(found) == []
    assert {finding.subject for finding in found} == {"credentials", "stack", "image", "quota", "network", "machines", "rights"}


async def test_an_examination_leaves_everything_as_it_was(cloud: Cloud, complete: WithQuota) -> None:
    await examine(complete)
    assert cloud.running() == []
    assert cloud.client("ssm").describe_parameters()["Parameters"] == []
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=f"studio-{cloud.account.number}-us-east-1")


async def test_each_right_that_is_missing_is_named_with_what_it_means(cloud: Cloud, complete: WithQuota) -> None:
    for right in TRIED:
        cloud.deny(right)
        (missing,) = wrong(await examine(complete))
        cloud.allow(right)
        assert missing.subject == "rights"
        assert f"may not {right}: {findings.WITHOUT[right]}." in missing.sentence


async def test_a_list_that_is_refused_hides_no_other_finding(cloud: Cloud, complete: WithQuota) -> None:
    for right in LOOKED_AT:
        cloud.deny(right)
        found = await examine(complete)
        cloud.allow(right)
        assert any(f"may not {right}:" in finding.sentence for finding in wrong(found)), right
        assert any(finding.ok and finding.subject == "credentials" for finding in found)


async def test_all_rights_missing_at_once_are_all_named(cloud: Cloud, complete: WithQuota) -> None:
    cloud.deny(*TRIED)
    said = " ".join(finding.sentence for finding in wrong(await examine(complete)))
    assert [right for right in TRIED if right not in said] == []


async def test_a_silent_aws_is_said_for_every_check(cloud: Cloud, clock: Any, complete: WithQuota) -> None:
    cloud.fail("*", "InvalidParameterValue", times=None)
    found = await examine(complete)
    assert wrong(found) == found != []
    assert all("could not be" in finding.sentence for finding in found)


async def test_a_quota_of_nothing_is_said_with_where_to_ask(complete: WithQuota) -> None:
    complete.vcpus = 0.0
    (missing,) = wrong(await examine(complete))
    assert missing.subject == "quota" and "Running On-Demand G and VT instances" in missing.sentence


async def test_an_image_that_is_gone_is_said(cloud: Cloud, complete: WithQuota) -> None:
    cloud.client("ec2").deregister_image(ImageId=cloud.setting.image())
    assert any(finding.subject == "image" and "is gone" in finding.sentence for finding in wrong(await examine(complete)))


async def test_whether_anybody_has_tried_the_image_is_said(cloud: Cloud, complete: WithQuota) -> None:
    def sentence(found: list[Finding]) -> str:
        return next(finding.sentence for finding in found if finding.subject == "image")

    assert f"Nobody has tried it: `wakebrush image verify {cloud.setting.image()}`" in sentence(await examine(complete))
    tried = [{"Key": "wakebrush-verified", "Value": "2026-11-26T20:00:00Z"}]
    cloud.client("ec2").create_tags(Resources=[cloud.setting.image()], Tags=tried)
    assert "A machine made from it painted at 2026-11-26T20:00:00Z." in sentence(await examine(complete))


async def test_a_machine_that_was_left_without_a_system_disk_is_said(cloud: Cloud, complete: WithQuota) -> None:
    machine = cloud.in_state("stopped")[0]
    described = cloud.client("ec2").describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]
    disk = described["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    cloud.client("ec2").detach_volume(VolumeId=disk, InstanceId=machine)
    (missing,) = wrong(await examine(complete))
    assert missing.subject == "image" and f"{machine} has no system disk and cannot be woken" in missing.sentence


async def test_a_canary_that_was_left_is_said_and_is_no_machine_of_the_pool(cloud: Cloud, aws: WithQuota) -> None:
    join_subnets(cloud, apply(cloud, ImageId=cloud.setting.image()))
    canary = cloud.add_machine(pool="canary")
    said = {finding.subject: finding.sentence for finding in wrong(await examine(aws))}
    assert f"The canary {canary} is left" in said["image"] and "There is no machine yet" in said["machines"]


async def test_a_stack_without_an_image_is_said(cloud: Cloud, aws: WithQuota) -> None:
    apply(cloud)
    assert any("names no image" in finding.sentence for finding in wrong(await examine(aws)))


async def test_a_group_that_lets_everybody_in_is_said(cloud: Cloud, aws: WithQuota) -> None:
    group = apply(cloud, ImageId=cloud.setting.image())["SecurityGroup"]
    rule = {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert any("lets everybody in" in finding.sentence for finding in wrong(await examine(aws)))


async def test_another_port_than_the_guards_is_said(cloud: Cloud, complete: WithQuota) -> None:
    found = await Doctor(complete, STUDIO, 9000).examine()
    assert any("aws_guard_port = 8443" in finding.sentence for finding in wrong(found))


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "DELETE_FAILED"])
def test_a_stack_in_trouble_is_said(status: str) -> None:
    from wake_service.aws.stack import Stack

    stack = Stack("studio", status, "lt-1", "sg-1", ("subnet-1",), "b", None, 8443, "r", "r", "r", "g", "m", None)
    finding = findings.judge_stack("studio", "us-east-1", stack)
    assert not finding.ok and status in finding.sentence


def test_a_subnet_without_a_way_out_is_said() -> None:
    tables = [{"Associations": [{"SubnetId": "a"}], "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active"}]}]
    (missing,) = findings.judge_ways_out(["a", "b"], tables)
    assert "b have no way out" in missing.sentence


def test_a_kind_that_is_offered_elsewhere_only_is_said() -> None:
    assert not findings.judge_zones("g5.xlarge", {"us-east-1c"}, {"us-east-1a"}).ok


@pytest.mark.parametrize("data", [{"ImageId": "ami-1", "BlockDeviceMappings": []}, {"ImageId": "ami-1", "MetadataOptions": {}}])
def test_a_plan_that_allows_old_metadata_is_said(data: dict[str, Any]) -> None:
    assert any("IMDSv1" in finding.sentence for finding in findings.judge_template(data))
