"""What an engine says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .client import Engine

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "fixtures/comfyui/object_info-0.3.64.json").read_text())
#: Inputs whose choices are files, different on every machine.
FILES = {"ckpt_name", "lora_name", "unet_name", "vae_name", "clip_name", "clip_name1", "clip_name2", "image"}


async def test_system_stats_name_version_memory_and_devices(engine: Engine) -> None:
    stats = (await engine.get("/system_stats")).json()
    assert {"os", "ram_total", "ram_free", "comfyui_version", "python_version", "pytorch_version", "argv"} <= set(stats["system"])
    device = stats["devices"][0]
    assert {"name", "type", "index", "vram_total", "vram_free", "torch_vram_total", "torch_vram_free"} <= set(device)
    assert 0 < device["vram_free"] <= device["vram_total"]


async def test_every_route_answers_bare_and_under_api(engine: Engine) -> None:
    for path in (
        "/system_stats",
        "/object_info/KSampler",
        "/prompt",
        "/queue",
        "/history",
        "/features",
        "/models",
        "/embeddings",
    ):
        bare, prefixed = await engine.get(path), await engine.get("/api" + path)
        assert (bare.status, set(bare.json())) == (prefixed.status, set(prefixed.json())) == (200, set(bare.json())), path


async def test_an_unknown_node_class_is_an_empty_object(engine: Engine) -> None:
    answer = await engine.get("/object_info/NoSuchNode")
    assert (answer.status, answer.json()) == (200, {})


async def test_an_unknown_model_folder_is_not_found(engine: Engine) -> None:
    assert (await engine.get("/models/no_such_folder")).status == 404


async def test_listed_models_are_those_that_the_loaders_take(engine: Engine) -> None:
    assert "checkpoints" in (await engine.get("/models")).json()
    assert engine.checkpoint in (await engine.get("/models/checkpoints")).json()


async def test_features_name_the_upload_limit(engine: Engine) -> None:
    features = (await engine.get("/features")).json()
    assert features["supports_preview_metadata"] is True
    assert features["max_upload_size"] == 104_857_600


@pytest.mark.recorded("nodes get new inputs with every release")
async def test_nodes_take_what_the_recorded_comfyui_takes(engine: Engine) -> None:
    info = (await engine.get("/object_info")).json()
    for name in set(info) & set(RECORDED):
        if engine.modern:
            assert _shape(info[name]) == _shape(RECORDED[name]), name


@pytest.mark.recorded("nodes get new inputs with every release")
@pytest.mark.parametrize(
    "name", ["KSampler", "LoadImage", "SaveImage", "DualCLIPLoader", "SetLatentNoiseMask", "SaveImageWebsocket"]
)
async def test_the_nodes_of_our_workflows_are_there(engine: Engine, name: str) -> None:
    info = (await engine.get(f"/object_info/{name}")).json()[name]
    assert info["name"] == name
    assert _shape(info) == _shape(RECORDED[name])


def _shape(info: dict[str, Any]) -> dict[str, Any]:
    """What a client can rely on: inputs with types, ranges and defaults, outputs, kind. No texts, no lists of files."""
    groups = {
        group: {name: _input(name, spec) for name, spec in specs.items()} if group != "hidden" else specs
        for group, specs in info["input"].items()
    }
    members = ("output", "output_is_list", "output_name", "output_node", "name", "category", "python_module")
    return {"input": groups, "input_order": info["input_order"]} | {member: info[member] for member in members}


def _input(name: str, spec: list[Any]) -> tuple[Any, Any]:
    limits = {key: value for key, value in (spec[1] if len(spec) > 1 else {}).items() if key != "tooltip"}
    return ("FILE" if name in FILES else spec[0]), limits
