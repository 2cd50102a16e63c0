"""What a node pack told somebody is kept for when its machine sleeps."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.service.comfy_client import until
from wake_service.clock import ManualClock
from wake_service.mirror.mirror import Mirror


async def test_an_answer_is_kept_although_the_caller_hung_up_before_it_was(tmp_path: Path) -> None:
    mirror = Mirror("default", tmp_path, ManualClock())
    caller = asyncio.create_task(mirror.keep_anyway("/pack/colours", b'{"red": 1}', "application/json", "all"))
    await asyncio.sleep(0)  # it has begun
    caller.cancel()
    await until(lambda: mirror.find("/pack/colours", "all") is not None)
    entry = mirror.find("/pack/colours", "all")
    assert entry is not None
    assert await mirror.body(entry) == b'{"red": 1}'
    await mirror.stop()
