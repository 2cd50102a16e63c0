"""What is read out of the engine's queue and history."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cloud_image.agent.graphs import models_of
from cloud_image.agent.prompts import Output, read_history, read_work
from tests.unit.agent.samples import json_values

GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamshaper_8.safetensors"}},
    "2": {"class_type": "LoraLoader", "inputs": {"lora_name": "ink.safetensors", "model": ["1", 0], "strength_model": 1.0}},
    "3": {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "vit.safetensors"}},
    "4": {"class_type": "CLIPLoader", "inputs": {"clip_name": "t5.safetensors"}},
    "5": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "4x.pth"}},
    "6": {"class_type": "KSampler", "inputs": {"sampler_name": "euler", "model": ["2", 0]}},
    "7": {"class_type": "LoraLoader", "inputs": {"lora_name": "ink.safetensors"}},
}


def entry(outputs: Any, *, status: str = "success", at: int | None = 1_000_500) -> dict[str, Any]:
    messages = [["execution_start", {"timestamp": 1}]] + ([["execution_success", {"timestamp": at}]] if at else [])
    return {
        "prompt": [3, "p1", GRAPH, {}, ["9"]],
        "outputs": outputs,
        "status": {"status_str": status, "completed": status == "success", "messages": messages},
    }


def test_a_graph_names_its_models_as_the_engine_does_once_each_in_order() -> None:
    assert models_of(GRAPH) == (
        "checkpoints/dreamshaper_8.safetensors",
        "loras/ink.safetensors",
        "clip_vision/vit.safetensors",
        "text_encoders/t5.safetensors",
        "upscale_models/4x.pth",
    )


@given(json_values)
def test_no_json_breaks_the_readers(value: Any) -> None:
    assert isinstance(models_of(value), tuple)
    for read in (read_work, read_history):
        try:
            read(value)
        except ValueError as flaw:
            assert str(flaw)


def test_files_that_stay_are_named_in_the_engines_order_and_previews_are_left_out() -> None:
    saved = {"filename": "b.png", "subfolder": "wakebrush", "type": "output"}
    outputs = {
        "9": {"images": [saved, {"filename": "a.png", "subfolder": "", "type": "output"}]},
        "8": {
            "images": [{"filename": "t.png", "subfolder": "", "type": "temp"}],
            "gifs": [{"filename": "c.mp4", "type": "output"}],
        },
        "7": {"images": [saved], "text": ["output"]},
    }
    (found,) = read_history({"p1": entry(outputs)})
    assert found.outputs == (Output("b.png", "wakebrush/b.png"), Output("a.png", "a.png"), Output("c.mp4", "c.mp4"))
    assert [output.media_type for output in found.outputs] == ["image/png", "image/png", "video/mp4"]
    assert (found.prompt_id, found.succeeded, found.finished_at) == ("p1", True, 1000.5)


def test_a_prompt_that_failed_did_not_succeed() -> None:
    (found,) = read_history({"p1": entry({}, status="error")})
    assert not found.succeeded


def test_two_runs_of_one_id_can_be_told_apart() -> None:
    turns = {read_history({"p1": entry({}, at=at)})[0].turn for at in (1, 2)}
    assert len(turns) == 2


def test_a_queue_says_what_runs_and_what_waits() -> None:
    work = read_work({"queue_running": [[0, "a", GRAPH, {}, []]], "queue_pending": [[1, "b", {}, {}, []], [2, "c", None]]})
    assert [waiting.prompt_id for waiting in work.running] == ["a"] and work.running[0].models == models_of(GRAPH)
    assert [waiting.prompt_id for waiting in work.pending] == ["b", "c"]


def test_what_is_no_queue_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="no id and graph"):
        read_work({"queue_running": [["a"]]})
