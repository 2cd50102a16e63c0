"""Uploads that go ahead of their prompts: once, bounded, and without consequences when that fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wake_service.errors import EngineUnreachable
from wake_service.workflows import ahead
from wake_service.workflows.ahead import Uploads


class Engine:
    """Takes uploads when it is let, or fails."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.let = asyncio.Event()
        self.trouble: Exception | None = None

    async def upload_image(self, name: str, data: bytes, *, subfolder: str) -> str:
        await self.let.wait()
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.got.append(name)
        return f"{subfolder}/{name}"


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def read() -> bytes:
    return b"stored"


def begun(uploads: Uploads, engine: Any, name: str = "a.png", data: bytes = b"stored", wanted: Any = yes) -> bool:
    return uploads.send_ahead(engine, name, data, wanted)


async def brought(uploads: Uploads, engine: Any, name: str = "a.png") -> str:
    async with asyncio.timeout(10):
        return await uploads.bring(engine, name, read)


async def test_a_prompt_waits_for_what_is_on_its_way_and_nothing_is_sent_twice() -> None:
    uploads, engine = Uploads(), Engine()
    assert begun(uploads, engine) and not begun(uploads, engine)
    bringing = asyncio.ensure_future(brought(uploads, engine))
    await asyncio.sleep(0.01)
    assert not bringing.done()
    engine.let.set()
    assert await bringing == "wakebrush/a.png" == await brought(uploads, engine)
    assert engine.got == ["a.png"] and not begun(uploads, engine)


async def test_what_failed_on_its_way_comes_with_its_prompt() -> None:
    uploads, engine = Uploads(), Engine()
    engine.trouble = EngineUnreachable("gone")
    assert begun(uploads, engine)
    engine.let.set()
    assert await brought(uploads, engine) == "wakebrush/a.png"
    assert engine.got == ["a.png"]


async def test_what_its_artist_may_not_have_is_not_sent_ahead() -> None:
    uploads, engine = Uploads(), Engine()
    engine.let.set()
    assert begun(uploads, engine, wanted=no)
    await asyncio.sleep(0.01)
    assert engine.got == []


async def test_another_engine_has_nothing_of_it() -> None:
    uploads, engine, other = Uploads(), Engine(), Engine()
    engine.let.set()
    other.let.set()
    await brought(uploads, engine)
    await brought(uploads, other)
    assert engine.got == other.got == ["a.png"]


async def test_what_is_on_its_way_is_bounded_and_its_room_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MOST_ON_THE_WAY", 8)
    uploads, engine = Uploads(), Engine()
    assert begun(uploads, engine) and not begun(uploads, engine, "b.png")
    engine.let.set()
    await brought(uploads, engine)
    await asyncio.sleep(0.01)
    assert begun(uploads, engine, "b.png")
    await uploads.stop()
