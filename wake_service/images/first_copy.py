"""Reads the engine of a machine that is tried, so that a pool of its image is answered for before it ever woke."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from wake_service.aws.clients import Aws
from wake_service.aws.first_copy import keep_first_copy
from wake_service.comfy.client import EngineClient
from wake_service.errors import WakebrushError
from wake_service.images.disks import Tell
from wake_service.mirror.archive import export_archive
from wake_service.mirror.crawl import Crawl, Limits
from wake_service.mirror.shelf import Shelf

#: A machine that is tried costs money: what is not read in so many seconds is read at the first wake.
READING_SECONDS = 300.0


async def export_first_copy(aws: Aws, bucket: str, image_id: str, engine: EngineClient, tell: Tell) -> None:
    """Puts what the engine answers beside the image's list of nodes. An image without it works all the same: it is only told."""
    try:
        with tempfile.TemporaryDirectory(prefix="wakebrush-copy-") as folder:
            shelf, archive = Shelf(Path(folder) / "shelf"), Path(folder) / "mirror.tar.gz"
            copy = await Crawl(engine, shelf, aws.clock, limits=Limits(seconds=READING_SECONDS)).run()
            await asyncio.to_thread(export_archive, copy, shelf, archive)
            await keep_first_copy(aws, bucket, image_id, archive)
    except (WakebrushError, OSError) as error:
        tell(f"What its engine answers could not be kept, so clients of ComfyUI are answered from the first wake on: {error}")
        return
    tell(f"{len(copy.entries)} answers of its engine are kept for clients of ComfyUI while machines sleep.")
