"""What CloudFormation made for a deployment, read from the stack's outputs: settings need the region and the name only."""

from __future__ import annotations

from dataclasses import dataclass

from wake_service.aws import tags
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.errors import SetupError

_MISSING = "ValidationError"  # CloudFormation's word for a stack that is not there
#: States of a stack that can be worked with; after a failed update it is what it was before.
USABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"})
#: The template's parameter that names the image of new machines.
IMAGE_PARAMETER = "ImageId"


@dataclass(frozen=True, slots=True)
class Stack:
    """One deployment's stack. `status` is CloudFormation's own; the rest are its outputs (cloud_image/cloudformation)."""

    name: str
    status: str
    launch_template: str
    security_group: str
    subnets: tuple[str, ...]
    bucket: str
    file_system: str | None
    guard_port: int
    service_role: str
    machine_role: str
    curfew_role: str
    schedule_group: str
    machine_list: str
    url: str | None

    @property
    def usable(self) -> bool:
        """Whether nothing of it is being made or removed, or failed to be."""
        return self.status in USABLE


async def find_stack(aws: Aws, deployment: str) -> Stack | None:
    """The stack of a deployment (it has the deployment's name), None when there is none.

    Raises AwsError when it cannot be looked at, SetupError when it is not made from our template.
    """
    described = await describe(aws, deployment)
    return None if described is None else read_stack(described)


async def describe(aws: Aws, deployment: str) -> Answer | None:
    """CloudFormation's own description of the deployment's stack; None when there is none, or when it is gone."""
    try:
        answer = await aws.call("cloudformation", "describe_stacks", StackName=deployment)
    except AwsNotFound:
        return None
    except AwsError as error:
        if error.code == _MISSING:
            return None
        raise
    found: Answer | None = next((stack for stack in answer["Stacks"] if stack["StackName"] == deployment), None)
    return None if found is None or found["StackStatus"] == "DELETE_COMPLETE" else found


def image_of(stack: Answer) -> str | None:
    """The image that the stack's parameter names; `stack` is CloudFormation's own description."""
    found = (one.get("ParameterValue") for one in stack.get("Parameters") or () if one["ParameterKey"] == IMAGE_PARAMETER)
    return next(found, None) or None


async def image_in_use(aws: Aws, stack: Stack) -> str | None:
    """The image that new machines are made from; None when the plan names none. Raises AwsError."""
    answer = await aws.call(
        "ec2", "describe_launch_template_versions", LaunchTemplateId=stack.launch_template, Versions=["$Latest"]
    )
    image: str | None = answer["LaunchTemplateVersions"][0]["LaunchTemplateData"].get("ImageId")
    return image


def read_stack(described: Answer) -> Stack:
    """The stack that CloudFormation describes so. Raises SetupError naming the first output that is missing."""
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs") or ()}
    try:
        return Stack(
            name=described["StackName"],
            status=described["StackStatus"],
            launch_template=outputs["LaunchTemplate"],
            security_group=outputs["SecurityGroup"],
            subnets=tuple(outputs["Subnets"].split(",")),
            bucket=outputs["Bucket"],
            file_system=outputs.get("FileSystem"),
            guard_port=int(outputs["GuardPort"]),
            service_role=outputs["ServiceRole"],
            machine_role=outputs["MachineRole"],
            curfew_role=outputs["CurfewRole"],
            schedule_group=outputs["ScheduleGroup"],
            machine_list=outputs["MachineList"],
            url=outputs.get("Url"),
        )
    except KeyError as missing:
        raise SetupError(
            f'The stack "{described["StackName"]}" ({described["StackStatus"]}) has no output {missing}: it is not made from '
            "cloud_image/cloudformation/wakebrush.yaml, from another version of it, or not finished. "
            "No machine can be woken. Apply the template again (docs/aws.md, step 3)."
        ) from missing


def belongs_to_stack(tagged: dict[str, str], deployment: str) -> bool:
    """Whether CloudFormation made this thing, and removes it with the stack."""
    return tagged.get("aws:cloudformation:stack-name") == deployment and tagged.get(tags.DEPLOYMENT, deployment) == deployment
