"""What the doctor says: each finding is a sentence on what it means for a picture, and on what to do. No calls here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wake_service.aws import tags
from wake_service.aws.clients import Answer
from wake_service.aws.stack import Stack

#: What is lost without a right, by its name in IAM.
WITHOUT = {
    "ec2:StartInstances": "no machine can be woken, and every picture waits",
    "ec2:StopInstances": "a machine that nobody needs cannot be put to sleep, and costs money until it stops itself",
    "ec2:TerminateInstances": "a machine that is replaced stays, and its disks are paid for",
    "ec2:ModifyInstanceAttribute": "when all machines of a kind are taken, no other kind can be tried",
    "ec2:CreateTags": "leases cannot be written, so that a machine may fall asleep while somebody paints",
    "ec2:RunInstances": "no machine can be created, not even in another zone when all of this one are taken",
    "ec2:AuthorizeSecurityGroupIngress": "the service cannot open the way to its machines, and no picture arrives",
    "ec2:RevokeSecurityGroupIngress": "addresses that the service had before stay allowed",
    "ec2:DescribeInstances": "the service does not see its machines",
    "ssm:PutParameter": "a machine gets no key for its guard, and refuses the service",
    "ssm:AddTagsToResource": "a machine may not read the key that was written for it",
    "ssm:GetParameter": "after a restart the service cannot talk to a machine that is awake",
    "ssm:DeleteParameter": "keys of machines that are gone stay behind",
    "s3:PutObject": "pictures cannot be stored",
    "s3:GetObject": "pictures cannot be fetched",
    "s3:DeleteObject": "pictures that an artist deletes stay",
    "cloudwatch:DescribeAlarms": "nobody can tell whether an alarm watches over a machine",
}
#: AWS's numbers of the quotas for "Running On-Demand ... instances", in vCPUs, by the letters that a type begins with.
QUOTAS = {"g": ("L-DB2E81BA", "Running On-Demand G and VT instances"), "p": ("L-417A185B", "Running On-Demand P instances")}
_EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})
#: The parts of a rule in which AWS lists IPv4 and IPv6 networks.
_RANGES = (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one subject (`credentials`, `stack`, `image`, `quota`, `network`, `rights`, `machines`)."""

    subject: str
    ok: bool
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"subject": self.subject, "ok": self.ok, "sentence": self.sentence}


def denied(subject: str, right: str) -> Finding:
    """A right is missing."""
    without = WITHOUT.get(right, "this cannot be checked, and may not work")
    return Finding(
        subject,
        False,
        f"The credentials may not {right}: {without}. Run the service with the role of the stack (docs/aws.md, step 5), or apply "
        "the template again if it is that role.",
    )


def judge_stack(deployment: str, region: str, stack: Stack | None) -> Finding:
    """Whether there is a stack that can be worked with."""
    if stack is None:
        return Finding(
            "stack",
            False,
            f'There is no stack "{deployment}" in {region}: there is no network and no plan for a machine. Nothing can be woken. '
            "Apply cloud_image/cloudformation/wakebrush.yaml (docs/aws.md, step 3), or correct aws_deployment and aws_region.",
        )
    if not stack.usable:
        return Finding(
            "stack",
            False,
            f'The stack "{deployment}" is in the state {stack.status}: what it should have made may be missing. '
            "Look at its events in the CloudFormation console, and apply the template again.",
        )
    return Finding("stack", True, f'The stack "{deployment}" is there.')


def judge_template(data: Answer) -> list[Finding]:
    """Whether the plan of a machine is safe and complete; `data` is the newest version's LaunchTemplateData."""
    found = []
    if not data.get("ImageId"):
        found.append(
            Finding(
                "image",
                False,
                "The plan of a machine names no image: no machine can be created. Build one (`wakebrush image build`), and bring "
                "it to the plan (`wakebrush image roll AMI`; docs/aws.md, step 6).",
            )
        )
    metadata = data.get("MetadataOptions") or {}
    if metadata.get("HttpTokens") != "required":
        found.append(
            Finding(
                "image",
                False,
                "The plan of a machine allows metadata without a session token (IMDSv1): a program that is tricked into a "
                "request could take the machine's rights. Apply the template again.",
            )
        )
    open_disks = [device for device in data.get("BlockDeviceMappings") or () if not (device.get("Ebs") or {}).get("Encrypted")]
    if open_disks:
        found.append(Finding("image", False, "The plan of a machine has a disk that is not encrypted. Apply the template again."))
    return found


def judge_image(image_id: str, images: Collection[Answer]) -> Finding:
    """Whether the image that machines are made from can be used."""
    image = next((image for image in images if image.get("ImageId") == image_id), None)
    state = None if image is None else image.get("State")
    if image is not None and state == "available":
        seen = tags.as_dict(image.get("Tags")).get(tags.VERIFIED)
        nobody = f"Nobody has tried it: `wakebrush image verify {image_id}`."
        tried = f"A machine made from it painted at {seen}." if seen else nobody
        return Finding("image", True, f"The image {image_id} can be used. {tried}")
    trouble = "is gone, or belongs to another account" if state is None else f"is in the state {state}"
    return Finding(
        "image",
        False,
        f"The image {image_id} {trouble}: no new machine can be created, those there are still wake. Build one "
        "(`wakebrush image build`) and bring it to the plan (`wakebrush image roll AMI`).",
    )


def judge_zones(instance_type: str, offered: Collection[str], ours: Collection[str]) -> Finding:
    """Whether AWS has this kind of machine where our subnets are."""
    both = sorted(set(offered) & set(ours))
    if both:
        return Finding("network", True, f"{instance_type} is offered in {', '.join(both)}, where this deployment has a network.")
    return Finding(
        "network",
        False,
        f"{instance_type} is not offered in {', '.join(sorted(ours)) or 'any zone of this deployment'}: no machine can be "
        "created. Choose another InstanceType, or another region.",
    )


def judge_quota(instance_type: str, vcpus: int, allowed: float, name: str) -> Finding:
    """Whether AWS allows the account so many processors of this kind at once."""
    if allowed >= vcpus:
        return Finding("quota", True, f"The quota is enough: {allowed:.0f} vCPUs, and {instance_type} needs {vcpus}.")
    return Finding(
        "quota",
        False,
        f"AWS allows this account {allowed:.0f} vCPUs for such machines, and {instance_type} needs {vcpus}: no machine can be "
        f'woken. Ask for more: Service Quotas, Amazon EC2, "{name}" (docs/aws.md, step 2). It may take AWS a day or two.',
    )


def judge_group(group_id: str, groups: Collection[Answer]) -> Finding:
    """Whether the machines' security group is there, and closed to everybody."""
    group = next((group for group in groups if group["GroupId"] == group_id), None)
    if group is None:
        return Finding(
            "network",
            False,
            f"The security group {group_id} is gone: the service cannot open the way to its machines. Apply the template again.",
        )
    rules = group.get("IpPermissions") or ()
    if any(part[key] in _EVERYBODY for rule in rules for parts, key in _RANGES for part in rule.get(parts) or ()):
        return Finding(
            "network",
            False,
            f"The security group {group_id} lets everybody in. The guard still asks for its token, but nobody except the service "
            "has any business there. Remove that rule in the EC2 console.",
        )
    return Finding("network", True, "Nobody reaches the machines but whom the service lets in.")


def judge_ways_out(subnets: Iterable[str], tables: Collection[Answer]) -> list[Finding]:
    """Whether machines in these subnets reach AWS: without, they can neither read their key nor say who they are."""
    found = []
    for subnet in subnets:
        routes = [
            route
            for table in tables
            if any(association.get("SubnetId") == subnet for association in table.get("Associations") or ())
            for route in table.get("Routes") or ()
        ]
        if not any(route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole" for route in routes):
            found.append(
                Finding(
                    "network",
                    False,
                    f"Machines in {subnet} have no way out: they cannot read their key, and never become ready. "
                    "Apply the template again.",
                )
            )
    return found


def judge_machines(machines: Mapping[str, str]) -> Finding:
    """Whether there is a machine to wake; by id, its state."""
    if machines:
        return Finding("machines", True, "Machines: " + ", ".join(f"{name} ({state})" for name, state in machines.items()) + ".")
    return Finding(
        "machines",
        False,
        "There is no machine yet, so nothing can be woken. Create one: `wakebrush machines create` (docs/aws.md, step 7).",
    )


def judge_rollout(machines: Iterable[Answer]) -> list[Finding]:
    """What an interrupted command about images has left: a machine without its system disk, a canary. `machines` as AWS
    describes them."""
    found = []
    for machine in machines:
        name, root = machine["InstanceId"], machine.get("RootDeviceName")
        if tags.as_dict(machine.get("Tags")).get(tags.POOL) == tags.CANARY_POOL:
            sentence = (
                f"The canary {name} is left from a check of an image, and costs money. While no check is under way: "
                f"`aws ec2 terminate-instances --instance-ids {name}`; the next `wakebrush image verify` does it, too."
            )
            found.append(Finding("image", False, sentence))
        elif root and root not in {device["DeviceName"] for device in machine.get("BlockDeviceMappings") or ()}:
            sentence = (
                f"The machine {name} has no system disk and cannot be woken: whoever gave it another image was interrupted. "
                "Say `wakebrush image roll AMI` or `wakebrush image rollback` again: it goes on from there."
            )
            found.append(Finding("image", False, sentence))
    return found
