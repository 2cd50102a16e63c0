"""What is said while machines are looked for. The tone is a calm colleague's."""

from __future__ import annotations

from collections.abc import Sequence

from wake_service.aws.errors import AwsDenied, AwsQuota
from wake_service.providers.ec2.capacity import Kind, Means, Step

INTERRUPTED = (
    "AWS took this spot machine back, and only AWS starts it again, when it has room. Your picture stays in the queue; "
    "an admin can allow another machine for such times (docs/aws.md, the capacity file)."
)


def trying(step: Step, kind: Kind) -> str:
    """On the next step, to whoever waits; `kind` is what was wanted."""
    taken = "All machines of this kind are taken."
    if step.means is Means.AGAIN:
        return f"{taken} Asking for the same one again."
    if step.means is Means.OTHER_TYPE:
        return f"{taken} Trying the next kind: {step.kind}."
    price = " at the full price" if kind.spot and not step.spot else ""
    return f"{taken} Making another one: {step.kind}{price}. Its first picture takes about {step.extra:.0f} s longer."


def made_instead(step: Step) -> str:
    """When a new machine wakes for one that could not."""
    return f"All machines of this kind are taken. Another one was made, and wakes instead: {step.kind}."


def all_taken(tried: Sequence[Step]) -> str:
    """At the end of the plan."""
    kinds = ", ".join(dict.fromkeys(str(step.kind) for step in tried))
    return f"All machines of this kind are taken (tried: {kinds}). Your picture stays in the queue, and it is tried again."


def refused(error: AwsQuota | AwsDenied) -> str:
    """When trying on is of no use: an admin has to do something."""
    if isinstance(error, AwsQuota):
        return (
            f"AWS allows this account no more of these ({error.code}). An admin can ask for a higher quota: "
            "AWS console, Service Quotas, Amazon EC2. Your picture stays in the queue."
        )
    return (
        f"The service may not do this in AWS ({error.operation}: {error.code}). An admin can see what is missing with "
        "`wakebrush aws doctor`. Your picture stays in the queue."
    )
