"""What IAM asks when a call arrives: of each thing that the call touches, whether the caller may do that to it.

Which things an action touches is AWS's service authorization reference, as cfn-lint brings it along (`reference`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from tests.aws.cloud import Call
from tests.aws.stack_policies import Ask
from wake_service.aws.tags import COPY_OF, DEPLOYMENT, POOL, as_dict

REGION, ACCOUNT = "us-east-1", "123456789012"
_EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
#: IAM's names of services where they are not boto3's; and of actions where they are not the operation's.
SERVICES = {
    "efs": "elasticfilesystem",
    "resource-groups-tagging-api": "tag",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
}
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}
#: What needs no right.
FREE = frozenset({"sts:GetCallerIdentity"})
#: Kinds of things with tags that RunInstances makes.
_MADE = ("instance", "volume", "network-interface", "spot-instances-request")


@dataclass(frozen=True)
class Owner:
    """Whose things a call is about, by the names that they have in a policy."""

    deployment: str
    plan: str
    group: str
    subnet: str
    bucket: str
    machine_role: str = "machine"
    curfew_role: str = "curfew"
    tagged: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tagged", {f"aws:ResourceTag/{DEPLOYMENT}": self.deployment})


OURS = Owner("studio", "lt-1", "sg-machines", "subnet-b", "studio-bucket")
#: Another deployment in the same account, whose name begins as ours does.
THEIRS = Owner("studio-two", "lt-2", "sg-two", "subnet-two", "studio-two-bucket", "machine-two", "curfew-two")


def action_of(service: str, operation: str) -> str:
    """IAM's name for an operation, by boto3's name of the service: `ec2:StartInstances`."""
    name = f"{SERVICES.get(service, service)}:{operation}"
    return ACTIONS.get(name, name)


def asks(call: Call, owner: Owner) -> list[Ask]:
    """All that must be allowed for the call, if the things that it names were the owner's."""
    action = action_of(call.service, call.operation)
    if action in FREE:
        return []
    translate = _TRANSLATIONS.get(action)
    if translate is not None:
        return list(translate(action, call.arguments, owner))
    if not re.match(r"[a-z0-9-]+:(Describe|Get|List)", action):
        raise AssertionError(f"{action} is not known here: say what it touches, before the service may do it")
    return [Ask(action)]


def looks(call: Call) -> bool:
    """Whether the call changes nothing, and AWS lets nobody limit it to things."""
    return action_of(call.service, call.operation) not in _TRANSLATIONS


def _machine(machine_id: str, owner: Owner) -> tuple[str, dict[str, Any]]:
    return f"{_EC2}:instance/{machine_id}", {**owner.tagged, f"aws:ResourceTag/{POOL}": "default"}


def _on_machines(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    for machine_id in arguments.get("InstanceIds") or [arguments["InstanceId"]]:
        yield Ask(action, *_machine(machine_id, owner))


def _on_tags(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    tagged = as_dict([{"Value": "", **tag} for tag in arguments["Tags"]])
    for thing in arguments["Resources"]:
        assert thing.startswith("i-"), f"{thing} is no machine"
        resource, keys = _machine(thing, owner)
        yield Ask(action, resource, {**keys, **_requested(tagged), "aws:TagKeys": list(tagged)})


def _requested(tagged: Mapping[str, str]) -> dict[str, str]:
    return {f"aws:RequestTag/{key}": value for key, value in tagged.items()}


def _with_tags(arguments: Mapping[str, Any], made_by: str, owner: Owner) -> Iterator[tuple[str, dict[str, Any], Ask]]:
    """Kinds of things that are made with tags; what asking for them says; and what is asked for the tags themselves."""
    for entry in arguments["TagSpecifications"]:
        tagged = as_dict(entry["Tags"])
        assert tagged[DEPLOYMENT] == OURS.deployment
        tagged[DEPLOYMENT] = owner.deployment
        keys = {**_requested(tagged), "aws:TagKeys": list(tagged)}
        kind = entry["ResourceType"]
        yield kind, keys, Ask("ec2:CreateTags", _new(kind), {**keys, "ec2:CreateAction": made_by})


def _new(kind: str) -> str:
    return f"arn:aws:ec2:{REGION}::snapshot/*" if kind == "snapshot" else f"{_EC2}:{kind}/*"


def _run_instances(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    plan = f"{_EC2}:launch-template/{owner.plan}"
    from_plan = {"ec2:LaunchTemplate": plan, "ec2:IsLaunchTemplateResource": "true"}
    said = {**from_plan, "ec2:IsLaunchTemplateResource": "false"}
    tagged = {kind: (keys, ask) for kind, keys, ask in _with_tags(arguments, "RunInstances", owner)}
    for kind in _MADE if "InstanceMarketOptions" in arguments else _MADE[:-1]:
        made = from_plan if kind == "network-interface" else said
        yield Ask(action, _new(kind), {**made, **tagged.get(kind, ({}, None))[0]})
    yield from (ask for _, ask in tagged.values())
    yield Ask(action, f"arn:aws:ec2:{REGION}::image/ami-1", from_plan)
    yield Ask(action, plan, from_plan)
    yield Ask(action, f"{_EC2}:security-group/{owner.group}", from_plan)
    yield Ask(action, f"{_EC2}:subnet/{owner.subnet}", said if "SubnetId" in arguments else from_plan)
    for disk in arguments.get("BlockDeviceMappings", ()):
        yield Ask(action, f"arn:aws:ec2:{REGION}::snapshot/{disk['Ebs']['SnapshotId']}", {**said, **owner.tagged})
    role = f"arn:aws:iam::{ACCOUNT}:role/{owner.machine_role}"
    yield Ask("iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"})


def _on_the_group(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    yield Ask(action, f"{_EC2}:security-group/{owner.group}", owner.tagged)
    if action.endswith(":AuthorizeSecurityGroupIngress"):
        for kind, keys, ask in _with_tags({"TagSpecifications": (), **arguments}, "AuthorizeSecurityGroupIngress", owner):
            yield from (Ask(action, _new(kind), keys), ask)


def _create_snapshot(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    yield Ask(action, f"{_EC2}:volume/{arguments['VolumeId']}", owner.tagged)
    for kind, keys, ask in _with_tags(arguments, "CreateSnapshot", owner):
        yield from (Ask(action, _new(kind), keys), ask)


def _delete_snapshot(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    copy = {**owner.tagged, f"aws:ResourceTag/{COPY_OF}": "default"}
    yield Ask(action, f"arn:aws:ec2:{REGION}::snapshot/{arguments['SnapshotId']}", copy)


def _on_a_parameter(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    name = _renamed(arguments.get("Name") or arguments["ResourceId"], "/", owner)
    yield Ask(action, f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}")


def _on_alarms(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    for name in arguments.get("AlarmNames") or [arguments["AlarmName"]]:
        alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{_renamed(name, '', owner)}"
        yield Ask(action, alarm, owner.tagged)
        if "Tags" in arguments:
            yield Ask("cloudwatch:TagResource", alarm, owner.tagged)


def _put_metric_data(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    yield Ask(action, "*", {"cloudwatch:namespace": arguments["Namespace"] if owner is OURS else "AWS/EC2"})


def _on_a_schedule(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    group, name = (_renamed(arguments[key], "", owner) for key in ("GroupName", "Name"))
    yield Ask(action, f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/{name}")
    if "Target" in arguments:
        role = f"arn:aws:iam::{ACCOUNT}:role/{owner.curfew_role}"
        yield Ask("iam:PassRole", role, {"iam:PassedToService": "scheduler.amazonaws.com"})


def _on_the_bucket(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    yield Ask(action, f"arn:aws:s3:::{owner.bucket}")


def _on_an_object(action: str, arguments: Mapping[str, Any], owner: Owner) -> Iterator[Ask]:
    yield Ask(action, f"arn:aws:s3:::{owner.bucket}/{arguments['Key']}")


def _renamed(name: str, before: str, owner: Owner) -> str:
    ours = before + OURS.deployment
    assert name.startswith(ours), f"{name} is not ours"
    return before + owner.deployment + name.removeprefix(ours)


_Translation = Callable[[str, Mapping[str, Any], Owner], Iterator[Ask]]
_TRANSLATIONS: dict[str, _Translation] = {
    **{
        f"ec2:{name}": _on_machines
        for name in ("StartInstances", "StopInstances", "TerminateInstances", "ModifyInstanceAttribute")
    },
    "ec2:CreateTags": _on_tags,
    "ec2:DeleteTags": _on_tags,
    "ec2:RunInstances": _run_instances,
    "ec2:AuthorizeSecurityGroupIngress": _on_the_group,
    "ec2:RevokeSecurityGroupIngress": _on_the_group,
    "ec2:CreateSnapshot": _create_snapshot,
    "ec2:DeleteSnapshot": _delete_snapshot,
    **{f"ssm:{name}": _on_a_parameter for name in ("PutParameter", "GetParameter", "AddTagsToResource", "DeleteParameter")},
    **{f"cloudwatch:{name}": _on_alarms for name in ("PutMetricAlarm", "SetAlarmState", "DeleteAlarms")},
    "cloudwatch:PutMetricData": _put_metric_data,
    **{f"scheduler:{name}": _on_a_schedule for name in ("CreateSchedule", "UpdateSchedule", "DeleteSchedule")},
    "s3:ListBucket": _on_the_bucket,
    "s3:ListBucketMultipartUploads": _on_the_bucket,
    **{
        f"s3:{name}": _on_an_object
        for name in ("GetObject", "PutObject", "DeleteObject", "RestoreObject", "AbortMultipartUpload")
    },
    "s3:ListMultipartUploadParts": _on_an_object,
}


@cache
def _reference() -> dict[str, Any]:
    path = files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def unheard_of(ask: Ask) -> str | None:
    """What AWS's reference does not know of a question: the action, or that it can be asked of such a thing."""
    service, name = ask.action.split(":")
    known = _reference()[service]
    action = known["Actions"].get(name.lower())
    if action is None:
        return f"{ask.action} is no action."
    formats = [form for kind in action.get("Resources", ()) for form in known["Resources"][kind]["ARNFormats"]]
    if ask.resource == "*" or any(re.fullmatch(_filled(form), ask.resource) for form in formats):
        return None
    return f"{ask.action} is not asked of {ask.resource}."


def _filled(form: str) -> str:
    return re.sub(r"\$\{\w+\}", "[^:/]*", form)
