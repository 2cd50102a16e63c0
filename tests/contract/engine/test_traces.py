"""The same graphs give the same messages in the same order as the recorded ComfyUI gave them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from PIL import Image

from . import graphs
from .client import Engine

TRACES = Path(__file__).parents[2] / "fixtures/comfyui"


def _recorded(name: str) -> list[Any]:
    messages = []
    for line in (TRACES / f"trace_{name}.jsonl").read_text().splitlines():
        frame = json.loads(line)
        if frame["kind"] == "binary":
            messages.append((frame["event"], bytes.fromhex(frame["head_hex"])[4:8]))
        else:
            messages.append((frame["msg"]["type"], frame["msg"]["data"]))
    return [_reduced(event, data) for event, data in messages]


def _reduced(event: str | int, data: Any) -> tuple[Any, ...]:
    """A message without what differs from run to run: ids, times, file counters, pictures."""
    if event == "progress_state":
        return event, tuple(
            (name, node["state"], node["value"], node["max"], tuple(node)) for name, node in data["nodes"].items()
        )
    if event == "progress":
        return event, data["node"], data["value"], data["max"], tuple(data)
    if event == "executing":
        return event, data["node"], tuple(data)
    if event == "executed":
        return event, data["node"], tuple(data), tuple(data["output"]), tuple(data["output"]["images"][0])
    if event == "execution_cached":
        return event, tuple(data["nodes"]), tuple(data)
    if event == "status":
        return event, data["status"]["exec_info"]["queue_remaining"], tuple(data)
    if event == "feature_flags":
        return (event,)
    if isinstance(event, int):
        return event, bytes(data[:4]) if event == 1 else None
    return event, tuple(data)


async def _heard(engine: Engine, graph: graphs.Graph, flags: dict[str, Any] | None = None) -> list[Any]:
    _, frames = await engine.run(graph, flags)
    return [_reduced(event, data) for event, data in frames]


def _without_picture_heads(messages: list[Any]) -> list[Any]:
    return [(event, None) if event == 4 else (event, *rest) for event, *rest in messages]


async def test_text_to_image_sounds_as_recorded(engine: Engine) -> None:
    await engine.run(graphs.plain(colour=81))
    assert await _heard(engine, graphs.text_to_image(engine.checkpoint, seed=81)) == _recorded("txt2img")


async def test_text_to_image_with_preview_metadata_sounds_as_recorded(engine: Engine) -> None:
    await engine.run(graphs.text_to_image(engine.checkpoint, seed=82))
    heard = await _heard(engine, graphs.text_to_image(engine.checkpoint, seed=83), {"supports_preview_metadata": True})
    assert _without_picture_heads(heard) == _without_picture_heads(_recorded("txt2img_metadata"))


async def test_inpainting_sounds_as_recorded(engine: Engine) -> None:
    name = f"{uuid.uuid4().hex}.png"
    picture = Image.new("RGBA", (64, 64), (90, 120, 160, 255))
    picture.paste((0, 0, 0, 0), (16, 16, 48, 48))
    await engine.upload(name, picture)
    await engine.run(graphs.text_to_image(engine.checkpoint, seed=84))
    assert await _heard(engine, graphs.inpaint(engine.checkpoint, name, seed=84)) == _recorded("inpaint")
