"""Least rights: each role may do what its part needs to its own things, and nothing to anything else."""

from __future__ import annotations

import pytest

from tests.aws.stack_policies import Ask, allowed, as_list, statements

ACCOUNT = "arn:aws:ec2:us-east-1:123456789012"
MINE, OTHER = f"{ACCOUNT}:instance/i-mine", f"{ACCOUNT}:instance/i-other"
OURS = {"aws:ResourceTag/wakebrush": "studio", "aws:ResourceTag/wakebrush-pool": "default"}
THEIRS = {"aws:ResourceTag/wakebrush": "somebody", "aws:ResourceTag/wakebrush-pool": "default"}
OF_THE_SERVICE = {"aws:ResourceTag/wakebrush": "studio"}
PLAN = f"{ACCOUNT}:launch-template/lt-1"
NEW = {"aws:RequestTag/wakebrush": "studio", "ec2:LaunchTemplate": PLAN, "ec2:IsLaunchTemplateResource": "false"}
GUARD = "arn:aws:ssm:us-east-1:123456789012:parameter/studio/guard/i-mine"
GROUP = f"{ACCOUNT}:security-group/sg-machines"
#: Actions that change nothing; with "Resource: *" they need no condition.
LOOKS = ("Describe", "Get", "List")
POWER = ["ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances", "ec2:ModifyInstanceAttribute"]


def on_itself(*, keys: list[str] | None = None, **more: str) -> dict[str, object]:
    """A call by the machine i-mine to itself."""
    named = {"aws:TagKeys": keys} if keys is not None else {}
    return {"ec2:SourceInstanceARN": MINE, "ec2:InstanceID": "i-mine", **OURS, **named, **more}


@pytest.mark.parametrize("role", ["service", "machine", "curfew"])
def test_what_changes_something_is_limited_to_a_thing_or_by_a_condition(role: str) -> None:
    loose = [
        (statement["Sid"], action)
        for statement in statements(role)
        for action in as_list(statement["Action"])
        if "*" in as_list(statement["Resource"]) and not statement.get("Condition") and not action.split(":")[1].startswith(LOOKS)
    ]
    assert not loose


@pytest.mark.parametrize("role", ["service", "machine", "curfew"])
def test_no_action_is_a_pattern(role: str) -> None:
    assert not [action for statement in statements(role) for action in as_list(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("action", POWER)
@pytest.mark.parametrize(("tags", "may"), [(OURS, True), (THEIRS, False), (OF_THE_SERVICE, False), ({}, False)])
def test_the_service_wakes_and_stops_its_own_machines_only(action: str, tags: dict[str, str], may: bool) -> None:
    assert allowed("service", Ask(action, MINE, tags)) is may


@pytest.mark.parametrize("key", ["lease-until", "hold-until", "wakebrush-boot", "wakebrush-home-type"])
def test_the_service_writes_leases(key: str) -> None:
    assert allowed("service", Ask("ec2:CreateTags", MINE, {**OURS, "aws:TagKeys": [key]}))


@pytest.mark.parametrize("key", ["guard-fingerprint", "wakebrush", "wakebrush-pool", "Name"])
def test_the_service_changes_no_other_tag_of_a_machine(key: str) -> None:
    assert not allowed("service", Ask("ec2:CreateTags", MINE, {**OURS, "aws:TagKeys": ["lease-until", key]}))


def test_nothing_of_others_becomes_ours() -> None:
    tagging = {"aws:RequestTag/wakebrush": "studio", "aws:TagKeys": ["wakebrush"]}
    assert not allowed("service", Ask("ec2:CreateTags", OTHER, tagging))
    assert allowed("service", Ask("ec2:CreateTags", OTHER, {**tagging, "ec2:CreateAction": "RunInstances"}))


@pytest.mark.parametrize(
    ("resource", "keys", "may"),
    [
        (f"{ACCOUNT}:instance/*", NEW, True),
        (f"{ACCOUNT}:instance/*", {**NEW, "aws:RequestTag/wakebrush": "somebody"}, False),
        (f"{ACCOUNT}:instance/*", {**NEW, "ec2:LaunchTemplate": f"{ACCOUNT}:launch-template/lt-2"}, False),
        (f"{ACCOUNT}:instance/*", {"aws:RequestTag/wakebrush": "studio"}, False),
        ("arn:aws:ec2:us-east-1::image/ami-1", {**NEW, "ec2:IsLaunchTemplateResource": "true"}, True),
        ("arn:aws:ec2:us-east-1::image/ami-1", NEW, False),
        (GROUP, {**NEW, "ec2:IsLaunchTemplateResource": "true"}, True),
        (f"{ACCOUNT}:security-group/sg-open", {**NEW, "ec2:IsLaunchTemplateResource": "true"}, False),
        (f"{ACCOUNT}:subnet/subnet-b", NEW, True),
        (f"{ACCOUNT}:subnet/subnet-x", NEW, False),
        ("arn:aws:ec2:us-east-1::snapshot/snap-1", OURS, True),
        ("arn:aws:ec2:us-east-1::snapshot/snap-1", THEIRS, False),
    ],
)
def test_a_new_machine_is_made_of_the_plan_and_bears_our_tag(resource: str, keys: dict[str, str], may: bool) -> None:
    assert allowed("service", Ask("ec2:RunInstances", resource, keys)) is may


def test_the_service_opens_the_way_in_its_own_group_only() -> None:
    for action in ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"):
        assert allowed("service", Ask(action, GROUP))
        assert not allowed("service", Ask(action, f"{ACCOUNT}:security-group/sg-x"))


@pytest.mark.parametrize("action", ["ssm:PutParameter", "ssm:AddTagsToResource", "ssm:DeleteParameter"])
def test_the_service_writes_guard_tokens_and_no_other_parameter(action: str) -> None:
    assert allowed("service", Ask(action, GUARD))
    assert not allowed("service", Ask(action, GUARD.replace("/guard/", "/other/")))
    assert not allowed("service", Ask(action, GUARD.replace("/studio/", "/somebody/")))


def test_the_service_sets_its_own_alarms_only() -> None:
    alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:{}-idle-i-mine"
    assert allowed("service", Ask("cloudwatch:SetAlarmState", alarm.format("studio")))
    for other in ("somebody", "studio-two"):
        assert not allowed("service", Ask("cloudwatch:SetAlarmState", alarm.format(other)))


def test_the_service_deletes_copies_of_models_and_no_other_snapshot() -> None:
    snapshot, copy = "arn:aws:ec2:us-east-1::snapshot/snap-1", {"aws:ResourceTag/wakebrush-copy-of": "default"}
    assert allowed("service", Ask("ec2:DeleteSnapshot", snapshot, {**OF_THE_SERVICE, **copy}))
    assert not allowed("service", Ask("ec2:DeleteSnapshot", snapshot, OF_THE_SERVICE))
    assert not allowed("service", Ask("ec2:DeleteSnapshot", snapshot, {**THEIRS, **copy}))


def test_the_service_keeps_pictures_in_its_own_bucket_only() -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert allowed("service", Ask(action, "arn:aws:s3:::studio-bucket/blobs/x"))
        assert not allowed("service", Ask(action, "arn:aws:s3:::somebody/blobs/x"))
    assert not allowed("service", Ask("s3:DeleteBucket", "arn:aws:s3:::studio-bucket"))
    assert not allowed("service", Ask("s3:PutBucketPolicy", "arn:aws:s3:::studio-bucket"))


def test_the_service_passes_on_the_machines_role_and_no_other() -> None:
    passing = {"iam:PassedToService": "ec2.amazonaws.com"}
    assert allowed("service", Ask("iam:PassRole", "arn:aws:iam::123456789012:role/machine", passing))
    assert not allowed("service", Ask("iam:PassRole", "arn:aws:iam::123456789012:role/admin", passing))
    assert not allowed("service", Ask("iam:PassRole", "arn:aws:iam::123456789012:role/curfew", passing))


def test_a_machine_reads_the_token_written_for_it_and_no_other() -> None:
    assert allowed(
        "machine", Ask("ssm:GetParameter", GUARD, {"ec2:SourceInstanceARN": MINE, "aws:ResourceTag/guard-machine": MINE})
    )
    assert not allowed(
        "machine", Ask("ssm:GetParameter", GUARD, {"ec2:SourceInstanceARN": MINE, "aws:ResourceTag/guard-machine": OTHER})
    )
    assert not allowed("machine", Ask("ssm:GetParameter", GUARD, {"aws:ResourceTag/guard-machine": MINE}))
    assert not allowed("machine", Ask("ssm:GetParameter", GUARD, {"ec2:SourceInstanceARN": MINE}))


@pytest.mark.parametrize("key", ["guard-fingerprint", "lease-until"])
def test_a_machine_says_who_it_is_and_how_long_it_works(key: str) -> None:
    assert allowed("machine", Ask("ec2:CreateTags", MINE, on_itself(keys=[key])))


@pytest.mark.parametrize("key", ["wakebrush", "wakebrush-pool", "hold-until"])
def test_a_machine_writes_no_other_tag(key: str) -> None:
    assert not allowed("machine", Ask("ec2:CreateTags", MINE, on_itself(keys=[key])))
    assert not allowed("machine", Ask("ec2:CreateTags", MINE, on_itself()))


@pytest.mark.parametrize("action", ["ec2:CreateTags", "ec2:StopInstances"])
def test_a_machine_touches_no_other_machine(action: str) -> None:
    assert allowed("machine", Ask(action, MINE, on_itself(keys=["lease-until"])))
    assert not allowed("machine", Ask(action, OTHER, {**on_itself(keys=["lease-until"]), "ec2:InstanceID": "i-other"}))


def test_a_machine_neither_starts_nor_ends_nor_creates_one() -> None:
    for action in ("ec2:StartInstances", "ec2:TerminateInstances", "ec2:RunInstances", "ssm:PutParameter", "s3:PutObject"):
        assert not allowed("machine", Ask(action, MINE, on_itself()))


def test_a_machine_reads_models_and_not_pictures() -> None:
    assert allowed("machine", Ask("s3:GetObject", "arn:aws:s3:::studio-bucket/models/sdxl.safetensors"))
    assert not allowed("machine", Ask("s3:GetObject", "arn:aws:s3:::studio-bucket/blobs/x"))


def test_a_machine_publishes_our_metric_only() -> None:
    assert allowed("machine", Ask("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Wakebrush"}))
    assert not allowed("machine", Ask("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/EC2"}))


@pytest.mark.parametrize(("tags", "may"), [(OURS, True), (THEIRS, False), (OF_THE_SERVICE, False)])
def test_the_curfew_stops_our_machines_only(tags: dict[str, str], may: bool) -> None:
    assert allowed("curfew", Ask("ec2:StopInstances", MINE, tags)) is may
    assert not allowed("curfew", Ask("ec2:StartInstances", MINE, tags))
