"""What the engine room's tests share: a real engine's node list, recorded traces, and a small engine on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.unit.comfy.fake_engine import FakeEngine
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.client import EngineClient
from wake_service.comfy.timeouts import Timeouts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "comfyui"

#: The practice files, as the loaders' lists of an engine that has them.
MODELS = {
    ("CheckpointLoaderSimple", "ckpt_name"): ["practice-sd15.safetensors", "practice-sdxl.safetensors"],
    ("LoraLoader", "lora_name"): ["practice-ink.safetensors", "practice-gouache.safetensors", "practice-night.safetensors"],
    ("VAELoader", "vae_name"): ["practice-vae.safetensors", "pixel_space"],
    ("UNETLoader", "unet_name"): ["practice-flux.safetensors"],
    ("DualCLIPLoader", "clip_name1"): ["practice-clip-l.safetensors", "practice-t5.safetensors"],
    ("DualCLIPLoader", "clip_name2"): ["practice-clip-l.safetensors", "practice-t5.safetensors"],
}

#: What the node pack comfyui-inpaint-nodes adds, as far as our graphs use it.
INPAINT_PACK = {
    "INPAINT_LoadInpaintModel": {
        "input": {"required": {"model_name": [["practice-fill.safetensors"]]}},
        "output": ["INPAINT_MODEL"],
    },
    "INPAINT_InpaintWithModel": {
        "input": {
            "required": {
                "inpaint_model": ["INPAINT_MODEL"],
                "image": ["IMAGE"],
                "mask": ["MASK"],
                "seed": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF}],
            }
        },
        "output": ["IMAGE"],
    },
}


@pytest.fixture(scope="session")
def object_info() -> dict[str, Any]:
    """`/object_info` of ComfyUI 0.3.64 as recorded."""
    return json.loads((FIXTURES / "object_info-0.3.64.json").read_text())


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The recorded engine with the practice files in its lists."""
    info = json.loads((FIXTURES / "object_info-0.3.64.json").read_text())
    for (class_name, input_name), names in MODELS.items():
        info[class_name]["input"]["required"][input_name] = [names]
    return Catalogue.parse({**info, **INPAINT_PACK})


@pytest.fixture(params=["txt2img", "txt2img_metadata", "inpaint"])
def trace(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Each recorded run of a real engine: its frames in order."""
    lines = (FIXTURES / f"trace_{request.param}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """A small engine on loopback that answers what a test tells it to."""
    engine = FakeEngine()
    runner = web.AppRunner(engine.application(), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    engine.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield engine
    await runner.cleanup()


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[EngineClient]:
    """A client of that engine with short deadlines."""
    client = EngineClient(engine.base_url, timeouts=Timeouts(connect=2, answer=2, transfer=5, heartbeat=20))
    yield client
    await client.close()
