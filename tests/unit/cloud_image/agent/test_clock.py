"""What blocks runs beside the loop, and holds up nothing."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cloud_image.agent.clock import SystemClock, beside, within
from tests.unit.cloud_image.agent.conftest import soon


async def test_a_thread_gives_its_value_or_its_error() -> None:
    assert await beside(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await beside(lambda: 1 // 0)


async def test_a_thread_that_nobody_waits_for_any_more_ends_without_a_word() -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    for end in (lambda: 5, lambda: 1 // 0):
        gate, ended = threading.Event(), threading.Event()

        def work(gate: threading.Event = gate, ended: threading.Event = ended, end: Any = end) -> int:
            gate.wait(10)
            ended.set()
            return int(end())

        with pytest.raises(TimeoutError):
            await within(SystemClock(), 0.01, beside(work))
        gate.set()
        await soon(ended.is_set)
        await soon(lambda: not [thread for thread in threading.enumerate() if thread.name == "beside"])
        await asyncio.sleep(0)
    assert not complaints
