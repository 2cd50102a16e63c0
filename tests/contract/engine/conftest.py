"""The engines under test: the practice engine, and a real ComfyUI when `COMFYUI_URL` says where one is."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from .client import SECONDS, Engine
from .process import PracticeProcess

REAL = os.environ.get("COMFYUI_URL", "").rstrip("/")


def _has_jobs(url: str) -> bool:
    """Whether a ComfyUI is of 2026, which the jobs API tells."""
    try:
        with urllib.request.urlopen(f"{url}/api/jobs", timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def _has_trained_model(url: str) -> bool:
    """Whether a ComfyUI's checkpoint has learned anything; one filled with chance is called `random…` by its maker."""
    with urllib.request.urlopen(f"{url}/models/checkpoints", timeout=10) as answer:
        return not json.load(answer)[-1].startswith("random")


ENGINES = ["practice", "comfyui"] if REAL else ["practice"]
MODERN = [name for name in ENGINES if name == "practice" or _has_jobs(REAL)]
TRAINED = [name for name in ENGINES if name == "practice" or _has_trained_model(REAL)]


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeProcess]:
    """A practice engine for the whole run."""
    process = PracticeProcess(tmp_path_factory.mktemp("practice")).wait_until_listening()
    yield process
    assert process.stop() == 0, process.log.read_text()


async def _engine(name: str, practice: PracticeProcess) -> AsyncIterator[Engine]:
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        engine = Engine(practice.url if name == "practice" else REAL, session, modern=name in MODERN)
        loader = (await engine.get("/object_info/CheckpointLoaderSimple")).json()["CheckpointLoaderSimple"]
        engine.checkpoint = loader["input"]["required"]["ckpt_name"][0][-1]
        yield engine
        await engine.post("/queue", json={"clear": True})
        await engine.post("/interrupt", json={})


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, practice: PracticeProcess) -> AsyncIterator[Engine]:
    """Every engine there is, one after the other."""
    async for each in _engine(request.param, practice):
        yield each


@pytest.fixture(params=MODERN)
async def modern(request: pytest.FixtureRequest, practice: PracticeProcess) -> AsyncIterator[Engine]:
    """Engines of 2026: those that have the jobs API and UUIDs for prompts."""
    async for each in _engine(request.param, practice):
        yield each


@pytest.fixture(params=TRAINED)
async def trained(request: pytest.FixtureRequest, practice: PracticeProcess) -> AsyncIterator[Engine]:
    """Engines whose pictures mean something, so that strength and mask show in them."""
    async for each in _engine(request.param, practice):
        yield each
