"""What an engine of the pool's image answers, as a trial of the image exported it to the deployment's bucket."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.aws.stack import describe, image_of, read_stack


def first_copy_key(image_id: str) -> str:
    """Where it is in the bucket, beside the image's list of nodes."""
    return f"images/{image_id}/mirror.tar.gz"


async def fetch_first_copy(aws: Aws, deployment: str, archive: Path) -> bool:
    """Writes it to a file; False when there is no stack, no image, or none of that image.

    Raises AwsError, SetupError for a stack that is none of ours, or OSError.
    """
    stack = await describe(aws, deployment)
    image_id = image_of(stack) if stack is not None else None
    if stack is None or image_id is None:
        return False
    try:
        answer = await aws.call("s3", "get_object", Bucket=read_stack(stack).bucket, Key=first_copy_key(image_id))
    except AwsNotFound:
        return False
    await asyncio.to_thread(_write, answer["Body"], archive)
    return True


async def keep_first_copy(aws: Aws, bucket: str, image_id: str, archive: Path) -> None:
    """Puts it there. Raises AwsError or OSError."""
    with await asyncio.to_thread(archive.open, "rb") as file:
        key = first_copy_key(image_id)
        await aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=file, ContentType="application/gzip")


def _write(body: Any, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(body, file)
