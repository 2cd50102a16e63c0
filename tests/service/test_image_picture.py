"""The small picture that `wakebrush image verify` asks for, from an engine that answers over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from wake_service.clock import SystemClock
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.client import EngineClient
from wake_service.comfy.validation import validate
from wake_service.images.painting import Painted, paint, png_size, small_graph


async def test_the_practice_engine_paints_it(practice_address: str) -> None:
    engine = EngineClient(practice_address)
    try:
        catalogue = Catalogue.parse(await engine.object_info())
        assert await paint(engine, catalogue, SystemClock()) == Painted(512, 512, "Sketch (practice)")
    finally:
        await engine.close()


async def test_an_engine_without_models_paints_one_colour(practice_address: str) -> None:
    engine = EngineClient(practice_address)
    try:
        nodes = {name: node for name, node in (await engine.object_info()).items() if "Loader" not in name}
        assert await paint(engine, Catalogue.parse(nodes), SystemClock()) == Painted(512, 512, None)
    finally:
        await engine.close()


@pytest.mark.parametrize("checkpoint", ["dreamshaper_8.safetensors", "juggernautXL.safetensors"])
async def test_a_real_checkpoint_is_used_with_few_steps(practice_address: str, checkpoint: str) -> None:
    engine = EngineClient(practice_address)
    try:
        nodes: dict[str, Any] = await engine.object_info()
    finally:
        await engine.close()
    nodes["UNETLoader"]["input"]["required"]["unet_name"] = [[]]
    nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"] = [[checkpoint]]
    catalogue = Catalogue.parse(nodes)
    graph, style = small_graph(catalogue)
    assert style == checkpoint.removesuffix(".safetensors") and validate(graph, catalogue) == []
    sampler = next(node for node in graph.nodes.values() if node["class_type"] == "KSampler")
    assert sampler["inputs"]["steps"] <= 8


@pytest.mark.parametrize("data", [b"", b"GIF89a" + b"\0" * 40, b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_png_is_told_apart(data: bytes) -> None:
    assert png_size(data) is None
