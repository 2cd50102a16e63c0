"""Which image the pool is brought to, and which ones were before: one object in the deployment's bucket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace

from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.errors import SetupError

KEY = "images/rollout.json"
#: How many images back is remembered.
KEPT = 5


@dataclass(frozen=True, slots=True)
class Record:
    """`goal` is the image that is or was brought to the pool, `past` those before it, newest last; `back` says that this is a
    way back. `trying` is the machine that shows first that it works with it, `proven` that it did."""

    goal: str
    past: tuple[str, ...] = ()
    back: bool = False
    trying: str | None = None
    proven: bool = False

    def towards(self, image: str, *, in_use: str | None) -> Record:
        """The record of bringing `image`; the same one while it is the goal already, so that it goes on where it stopped."""
        if image == self.goal:
            return self
        before = [one for one in (*self.past, in_use or self.goal) if one and one != image]
        return Record(image, tuple(one for at, one in enumerate(before) if one not in before[at + 1 :])[-KEPT:])

    def backwards(self, *, proven: bool) -> Record:
        """The record of going back to the image before. Raises SetupError when none is known."""
        if not self.past:
            raise SetupError(
                "No image before this one is on record, so there is nothing to go back to. Name one: "
                "`wakebrush image roll AMI`; `aws ec2 describe-images --owners self` lists them."
            )
        return Record(self.past[-1], self.past[:-1], back=True, proven=proven)


def first(in_use: str | None) -> Record:
    """The record of a deployment whose images were never rolled."""
    return Record(in_use or "", proven=True)


async def read(aws: Aws, bucket: str) -> Record | None:
    """What is on record; None where nothing is. Raises SetupError when nobody can read it, AwsError when AWS refuses."""
    try:
        answer = await aws.call("s3", "get_object", Bucket=bucket, Key=KEY)
    except AwsNotFound:
        return None
    try:
        written = json.loads(await asyncio.to_thread(answer["Body"].read))
        return replace(Record(**written), past=tuple(written["past"]))
    except (ValueError, TypeError, KeyError) as error:
        raise SetupError(
            f"What is on record about images (s3://{bucket}/{KEY}) cannot be read. Delete that object and say which image is "
            "wanted: `wakebrush image roll AMI`."
        ) from error


async def write(aws: Aws, bucket: str, record: Record) -> None:
    """Puts it on record. Raises AwsError."""
    body = json.dumps(asdict(record)).encode()
    await aws.call("s3", "put_object", Bucket=bucket, Key=KEY, Body=body, ContentType="application/json")


def catalogue_key(image_id: str) -> str:
    """Where the list of nodes of an image's engine is kept for the gateway."""
    return f"images/{image_id}/object_info.json"


async def read_catalogue(aws: Aws, bucket: str, image_id: str) -> dict[str, object] | None:
    """The image's list of nodes as its build exported it; None where there is none. Raises AwsError."""
    try:
        answer = await aws.call("s3", "get_object", Bucket=bucket, Key=catalogue_key(image_id))
        found = json.loads(await asyncio.to_thread(answer["Body"].read))
    except AwsNotFound:
        return None
    except ValueError as error:
        raise AwsError("get_object", "Unreadable", f"{catalogue_key(image_id)} is no list of nodes") from error
    return found if isinstance(found, dict) else None
