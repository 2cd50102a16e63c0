"""The plan of new machines, brought to another image through the stack that owns it.

The launch template belongs to CloudFormation. A version that was written past it would be gone with the next `aws cloudformation
deploy`, which puts back the image that its parameter names; so the parameter is what is changed, and all else is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wake_service.aws.clients import Answer, Aws
from wake_service.aws.errors import AwsError
from wake_service.aws.stack import IMAGE_PARAMETER, USABLE, describe, image_of
from wake_service.errors import ProviderError, ProviderTimeout, SetupError

#: How long an update of one parameter may take, and between two looks; in seconds.
STACK_SECONDS, LOOK_SECONDS = 1800.0, 5.0
_REFUSED, _NOTHING = "ValidationError", "No updates are to be performed"


def parameters(stack: Answer, image_id: str) -> list[Mapping[str, Any]]:
    """All parameters as they are, but for the image."""
    others = [one["ParameterKey"] for one in stack.get("Parameters") or () if one["ParameterKey"] != IMAGE_PARAMETER]
    kept: list[Mapping[str, Any]] = [{"ParameterKey": key, "UsePreviousValue": True} for key in others]
    return [*kept, {"ParameterKey": IMAGE_PARAMETER, "ParameterValue": image_id}]


async def switch(aws: Aws, deployment: str, image_id: str) -> bool:
    """New machines are made from this image from now on; False when they were already.

    Waits for an update that is under way, this one or another. Raises ProviderError when AWS does not carry it out.
    """
    asked, until = False, aws.clock.now() + STACK_SECONDS
    while True:
        stack = await describe(aws, deployment)
        if stack is None:
            raise SetupError(f'There is no stack "{deployment}" in {aws.region}, so there is no plan of a machine to change.')
        status = str(stack["StackStatus"])
        if status in USABLE and image_of(stack) == image_id:
            return asked
        if aws.clock.now() >= until:
            raise ProviderTimeout(f"The stack {deployment} is still {status}. Say the same again later: it goes on from here.")
        if status in USABLE:
            if asked:
                raise ProviderError(
                    f"AWS took the update of the stack {deployment} back ({status}): "
                    f"{stack.get('StackStatusReason') or 'its events in the CloudFormation console say why'}. "
                    "New machines are made from the image before."
                )
            asked = await _ask(aws, deployment, parameters(stack, image_id))
            continue
        if not status.endswith("_IN_PROGRESS"):
            raise ProviderError(
                f"The stack {deployment} is in the state {status} and takes no update. Mend it in the CloudFormation console, "
                "then say the same again."
            )
        await aws.clock.sleep(LOOK_SECONDS)


async def _ask(aws: Aws, deployment: str, wanted: list[Mapping[str, Any]]) -> bool:
    """Whether the update is under way, or was by an answer that was lost. False when another one had the stack just then: it
    is looked at again."""
    try:
        await aws.call(
            "cloudformation",
            "update_stack",
            StackName=deployment,
            UsePreviousTemplate=True,
            Parameters=wanted,
            Capabilities=["CAPABILITY_IAM"],
        )
    except AwsError as error:
        if error.code == _REFUSED and _NOTHING in str(error):
            return True
        if error.code != _REFUSED or "_IN_PROGRESS" not in str(error):
            raise
        await aws.clock.sleep(LOOK_SECONDS)
        return False
    return True
