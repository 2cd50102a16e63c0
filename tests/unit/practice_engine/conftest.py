"""Practice engines with options, each ended with its test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.contract.engine.client import SECONDS, Engine
from tests.contract.engine.process import PracticeProcess
from tests.contract.engine.worlds import World

CHECKPOINT = "practice-sd15.safetensors"
Start = Callable[..., PracticeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start("--step-seconds", "0.1")` starts an engine that listens; the same folder every time."""
    started: list[PracticeProcess] = []

    def begin(*arguments: str, environment: dict[str, str] | None = None) -> PracticeProcess:
        process = PracticeProcess(tmp_path / "engine", *arguments, environment=environment)
        started.append(process)
        return process.wait_until_listening()

    yield begin
    for process in started:
        if process.process.poll() is None:
            process.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session with a deadline."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        yield session


@pytest.fixture
def connect(session: aiohttp.ClientSession) -> Callable[[PracticeProcess], Engine]:
    """A client of a started engine."""

    def client(process: PracticeProcess) -> Engine:
        engine = Engine(process.url, session, World(process.directory))
        engine.checkpoint = CHECKPOINT
        return engine

    return client
