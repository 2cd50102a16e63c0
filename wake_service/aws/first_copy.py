"""What an engine of the pool's image answers, as the image's build exported it to the deployment's bucket."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.aws.stack import find_stack, image_in_use


def first_copy_key(image_id: str) -> str:
    """Where it is in the bucket."""
    return f"images/{image_id}/mirror.tar.gz"


async def fetch_first_copy(aws: Aws, deployment: str, archive: Path) -> bool:
    """Writes it to a file; False when there is no stack, no image, or none of that image. Raises ProviderError or OSError."""
    stack = await find_stack(aws, deployment)
    image_id = await image_in_use(aws, stack) if stack is not None else None
    if stack is None or image_id is None:
        return False
    try:
        answer = await aws.call("s3", "get_object", Bucket=stack.bucket, Key=first_copy_key(image_id))
    except AwsNotFound:
        return False
    await asyncio.to_thread(_write, answer["Body"], archive)
    return True


def _write(body: Any, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(body, file)
