"""The worlds in which the protocol must hold, one after the other; tests say where it differs and why.

`direct` marks what holds at an engine only, `gateway` what holds at the gateway only, `steady` what need not be shown again of a
machine that sleeps or is killed, `recorded` what holds for the release that was recorded, `strict` what ComfyUI itself is laxer
in, each with the reason; `engine` is a client's view of the world.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.conftest import Services

from .client import SECONDS, Engine
from .worlds import REAL, WORLDS, World, real_has


def _has_trained_model() -> bool:
    """Whether the real ComfyUI's checkpoint has learned anything; one filled with chance is called `random…` by its maker."""
    with urllib.request.urlopen(f"{REAL}/models/checkpoints", timeout=10) as answer:
        return not json.load(answer)[-1].startswith("random")


def _is_recorded() -> bool:
    """Whether the real ComfyUI is of the release whose answers are kept in tests/fixtures."""
    with urllib.request.urlopen(f"{REAL}/system_stats", timeout=10) as answer:
        return bool(json.load(answer)["system"]["comfyui_version"] == "0.3.64")


IS_RECORDED = _is_recorded() if REAL else True
REAL_ONES = {name for name in WORLDS if name.startswith("comfyui")}
MODERN = set(WORLDS) - ({"comfyui"} if REAL and not real_has("/api/jobs") else set())
TRAINED = set(WORLDS) - (REAL_ONES if REAL and not _has_trained_model() else set())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test in every world where it holds. Those of one world are run together."""
    if "world" not in metafunc.fixturenames:
        return
    names = set(WORLDS)
    names &= MODERN if "modern" in metafunc.fixturenames else names
    names &= TRAINED if "trained" in metafunc.fixturenames else names
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    for mark, gateway in (("direct", False), ("gateway", True)):
        if mark in marks:
            names = {name for name in names if WORLDS[name].gateway is gateway}
    if "steady" in marks:
        names = {name for name in names if WORLDS[name].steady or name in REAL_ONES}
    if "recorded" in marks and not IS_RECORDED:
        names -= REAL_ONES
    if "strict" in marks:
        names -= {"comfyui"}
    worlds = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in WORLDS if name in names]
    metafunc.parametrize("world", worlds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world, for all its tests."""
    world = WORLDS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        world.open()
        yield world
    finally:
        world.close()


@pytest.fixture
async def engine(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """A client's view of the world in which the test runs."""
    if world.service is not None:
        request.node.stash.setdefault(Services, []).append(world.service)
    world.before_each()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        name = next(name for name, kind in WORLDS.items() if kind is type(world))
        engine = Engine(world.url, session, modern=name in MODERN, world=world)
        loader = (await engine.get("/object_info/CheckpointLoaderSimple")).json()["CheckpointLoaderSimple"]
        engine.checkpoint = loader["input"]["required"]["ckpt_name"][0][-1]
        yield engine
        await engine.post("/queue", json={"clear": True})
        await engine.post("/interrupt", json={})


@pytest.fixture
def modern(engine: Engine) -> Engine:
    """Where ComfyUI of 2026 is spoken: the jobs API, and UUIDs for prompts."""
    return engine


@pytest.fixture
def trained(engine: Engine) -> Engine:
    """Where pictures mean something, so that strength and mask show in them."""
    return engine
