"""Makes a new machine from the launch template: for the capacity plan, and for an admin who asks for one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsCapacity, AwsError
from wake_service.errors import ProviderError
from wake_service.providers.ec2.options import Ec2Options

#: What AWS says of an intent whose machine is gone already: the intent is counted on, and asked again.
_SPENT = frozenset({"IdempotentInstanceTerminated"})
#: The intent was asked for before, with other words: a newer snapshot, a changed template.
_OTHERWISE = "IdempotentParameterMismatch"
#: How often one intent is counted on before somebody should look.
_COUNTS = 10


async def create(
    aws: Aws,
    options: Ec2Options,
    intent: str,
    *,
    zone: str | None = None,
    instance_type: str | None = None,
    spot: bool = False,
    snapshot: str | None = None,
    pool: str | None = None,
    image: str | None = None,
    marks: Mapping[str, str] | None = None,
    passing: bool = False,
) -> str:
    """The id of the one machine of this intent; asked again, it is the same one, as long as it exists.

    It starts at once. `intent`: any text that names what is meant ("admin 2026-11-25 first machine"). `zone`,
    `instance_type`: by default the launch template's own. `snapshot`: what its data disk is made from; by default what the
    template says, and so for `image`. `marks`: tags of the machine besides ours. A `passing` machine ends for good when it
    powers off. A spot machine stops when AWS takes it back, and is asked for persistently. Raises AwsError, or
    ProviderError when the zone has no network of ours.
    """
    request = await _request(aws, options, zone=zone, instance_type=instance_type, spot=spot, snapshot=snapshot)
    if image is not None:
        request["ImageId"] = image
    if passing:
        request["InstanceInitiatedShutdownBehavior"] = "terminate"
    tagged = {
        tags.DEPLOYMENT: options.deployment,
        tags.POOL: pool or options.pool,
        tags.INTENT: intent_key(intent),
    }
    request["TagSpecifications"] = [
        {"ResourceType": kind, "Tags": tags.as_list({**tagged, **(marks or {})} if kind == "instance" else tagged)}
        for kind in ("instance", "volume", "network-interface", *(("spot-instances-request",) if spot else ()))
    ]
    for count in range(_COUNTS):
        token = client_token(options.deployment, intent, count)
        try:
            answer = await aws.call("ec2", "run_instances", **request, MinCount=1, MaxCount=1, ClientToken=token)
        except AwsError as error:
            if error.code in _SPENT:
                continue
            if error.code == _OTHERWISE and (known := await _of_intent(aws, options, intent)) is not None:
                return known
            raise
        made: str = answer["Instances"][0]["InstanceId"]
        return made
    raise ProviderError(f"The machine for {intent!r} was made and deleted {_COUNTS} times already. Look who deletes it.")


async def create_somewhere(
    aws: Aws, options: Ec2Options, intent: str, *, instance_type: str | None = None, spot: bool = False
) -> str:
    """As `create`, in the first zone of our network that has room. Raises NoCapacity when none has.

    A zone always has to be named where the network is ours: without one, AWS looks in the account's default network, where our
    security group is not.
    """
    if (known := await _of_intent(aws, options, intent)) is not None:
        return known  # made by an earlier try, perhaps in a zone that would not be the first one now
    zones: list[str | None] = [*sorted({subnet["AvailabilityZone"] for subnet in await _subnets(aws, options)})]
    *others, last = zones or [None]
    for zone in others:
        try:
            return await create(aws, options, intent, zone=zone, instance_type=instance_type, spot=spot)
        except AwsCapacity:
            continue
    return await create(aws, options, intent, zone=last, instance_type=instance_type, spot=spot)


def intent_key(intent: str) -> str:
    """The intent as it is written into a tag: short, and without anything but letters and digits."""
    return hashlib.sha256(intent.encode()).hexdigest()[:32]


def client_token(deployment: str, intent: str, count: int = 0) -> str:
    """What makes AWS create one machine however often it is asked: 64 hex digits, the most it takes."""
    return hashlib.sha256(f"{deployment}\n{intent}\n{count}".encode()).hexdigest()


async def _of_intent(aws: Aws, options: Ec2Options, intent: str) -> str | None:
    """The machine that was made for an intent and still exists."""
    wanted = {tags.DEPLOYMENT: options.deployment, tags.INTENT: intent_key(intent)}
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in wanted.items()]
    alive = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    pages = await aws.pages("ec2", "describe_instances", Filters=[*filters, alive])
    found = [i["InstanceId"] for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]
    return min(found, default=None)


async def _request(
    aws: Aws,
    options: Ec2Options,
    *,
    zone: str | None,
    instance_type: str | None,
    spot: bool,
    snapshot: str | None,
) -> dict[str, Any]:
    name = options.template_name
    template = {"LaunchTemplateId": name} if name.startswith("lt-") else {"LaunchTemplateName": name}
    request: dict[str, Any] = {"LaunchTemplate": {**template, "Version": "$Latest"}}  # CloudFormation never moves the default
    if instance_type is not None:
        request["InstanceType"] = instance_type
    if zone is not None:
        request |= await _place(aws, options, zone)
    if spot:
        persistent = {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"}
        request["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": persistent}
    if snapshot is not None:
        disk = {"SnapshotId": snapshot, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
        request["BlockDeviceMappings"] = [{"DeviceName": options.data_device, "Ebs": disk}]
    return request


async def _place(aws: Aws, options: Ec2Options, zone: str) -> dict[str, Any]:
    """Our own subnet in the zone; an account's default one where the deployment has no network of its own."""
    subnets = await _subnets(aws, options)
    if not subnets:
        return {"Placement": {"AvailabilityZone": zone}}
    here = sorted(subnet["SubnetId"] for subnet in subnets if subnet["AvailabilityZone"] == zone)
    if not here:
        raise ProviderError(f"This deployment has no network in {zone}. Add the zone to the stack, or leave it out of the plan.")
    return {"SubnetId": here[0]}


async def _subnets(aws: Aws, options: Ec2Options) -> list[dict[str, Any]]:
    """The deployment's own, in which machines may be."""
    ours = [{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [options.deployment]}]
    answer = await aws.call("ec2", "describe_subnets", Filters=ours)
    subnets: list[dict[str, Any]] = answer["Subnets"]
    return subnets
