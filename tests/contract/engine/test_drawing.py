"""What nodes do to pictures: strength, masks, seeds, sizes."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from PIL import Image

from . import graphs
from .client import Engine

pytestmark = pytest.mark.steady("What a node does to a picture does not depend on when its machine woke.")


def _scene(size: int = 64) -> Image.Image:
    ramp = np.linspace(40, 200, size, dtype=np.uint8)
    pixels = np.stack(
        [np.broadcast_to(ramp, (size, size)), np.broadcast_to(ramp[:, None], (size, size)), np.full((size, size), 90, np.uint8)],
        -1,
    )
    return Image.fromarray(np.ascontiguousarray(pixels))


async def _uploaded(engine: Engine, image: Image.Image) -> str:
    return str((await engine.upload(f"{uuid.uuid4().hex}.png", image)).json()["name"])


async def test_inverting_a_colour_gives_its_negative(engine: Engine) -> None:
    """Within one step of 255: ComfyUI cuts fractions off when it saves."""
    (picture,) = await engine.pictures(graphs.plain(colour=0x3366CC))
    assert np.abs(picture - [0xCC, 0x99, 0x33]).max() <= 1


async def test_the_same_seed_gives_the_same_picture(engine: Engine) -> None:
    (first,) = await engine.pictures(graphs.text_to_image(engine.checkpoint, seed=91))
    await engine.post("/free", json={"free_memory": True})
    await engine.run(graphs.plain(colour=91))
    (second,) = await engine.pictures(graphs.text_to_image(engine.checkpoint, seed=91))
    assert (first == second).all()


async def test_another_seed_or_prompt_gives_another_picture(engine: Engine) -> None:
    (first,) = await engine.pictures(graphs.text_to_image(engine.checkpoint, seed=92))
    (seed,) = await engine.pictures(graphs.text_to_image(engine.checkpoint, seed=93))
    (words,) = await engine.pictures(graphs.text_to_image(engine.checkpoint, seed=92, text="night in the city"))
    assert (first != seed).any()
    assert (first != words).any()


async def test_a_batch_holds_different_pictures_of_one_size(engine: Engine) -> None:
    pictures = await engine.pictures(graphs.text_to_image(engine.checkpoint, seed=94, batch=2, width=72, height=64))
    assert [picture.shape for picture in pictures] == [(64, 72, 3)] * 2
    assert (pictures[0] != pictures[1]).any()


async def test_strength_zero_changes_nothing(engine: Engine) -> None:
    """The decoded latent is the same whether or not a sampler of strength 0 stood between."""
    name = await _uploaded(engine, _scene())
    graph = graphs.over_image(engine.checkpoint, name, seed=95, denoise=0.0)
    direct = graph | {"8": graphs.node("VAEDecode", samples=["11", 0], vae=["4", 2])}
    (sampled,), (plain,) = await engine.pictures(graph), await engine.pictures(direct)
    assert (sampled == plain).all()


async def test_more_strength_changes_more(trained: Engine) -> None:
    name = await _uploaded(trained, _scene())
    kept = await trained.pictures(graphs.over_image(trained.checkpoint, name, seed=96, denoise=0.0))
    changes = []
    for strength in (0.1, 0.5, 1.0):
        (picture,) = await trained.pictures(graphs.over_image(trained.checkpoint, name, seed=96, denoise=strength))
        changes.append(float(np.abs(picture - kept[0]).mean()))
    assert changes[0] < changes[1] < changes[2]


async def test_the_mask_decides_what_changes(trained: Engine) -> None:
    """Far from the white part only a real VAE's own reach may differ, and less than inside."""
    name = await _uploaded(trained, _scene(128))
    mask = Image.new("RGB", (128, 128))
    mask.paste((255, 255, 255), (0, 0, 40, 128))
    graph = graphs.over_image(trained.checkpoint, name, mask=await _uploaded(trained, mask), seed=97)
    direct = graph | {"8": graphs.node("VAEDecode", samples=["11", 0], vae=["4", 2])}
    (new,), (old,) = await trained.pictures(graph), await trained.pictures(direct)
    inside, outside = np.abs(new - old)[:, :32].mean(), np.abs(new - old)[:, 96:].mean()
    assert inside > 4 * outside


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({"width": 40, "height": 20, "crop": "disabled"}, (20, 40)),
        ({"width": 40, "height": 0, "crop": "disabled"}, (40, 40)),
        ({"width": 0, "height": 0, "crop": "disabled"}, (64, 64)),
        ({"width": 50, "height": 30, "crop": "center"}, (30, 50)),
    ],
)
async def test_scaling_gives_the_size_asked_for(engine: Engine, inputs: dict[str, Any], size: tuple[int, int]) -> None:
    name = await _uploaded(engine, _scene())
    graph = {
        "1": graphs.node("LoadImage", image=name),
        "2": graphs.node("ImageScale", image=["1", 0], upscale_method="bicubic", **inputs),
        "3": graphs.node("PreviewImage", images=["2", 0]),
    }
    (picture,) = await engine.pictures(graph)
    assert picture.shape[:2] == size


async def test_masks_are_read_from_channels_and_transparency(engine: Engine) -> None:
    name = await _uploaded(engine, Image.new("RGBA", (16, 16), (51, 102, 153, 204)))
    for channel, value in (("red", 51), ("green", 102), ("blue", 153), ("alpha", 51)):
        graph = {
            "1": graphs.node("LoadImageMask", image=name, channel=channel),
            "2": graphs.node("MaskToImage", mask=["1", 0]),
            "3": graphs.node("PreviewImage", images=["2", 0]),
        }
        (picture,) = await engine.pictures(graph)
        assert abs(int(picture[0, 0, 0]) - value) <= 1, channel


async def test_a_size_that_is_no_multiple_of_eight_is_cut_evenly(engine: Engine) -> None:
    name = await _uploaded(engine, _scene(70))
    graph = {
        "4": graphs.node("CheckpointLoaderSimple", ckpt_name=engine.checkpoint),
        "10": graphs.node("LoadImage", image=name),
        "11": graphs.node("VAEEncode", pixels=["10", 0], vae=["4", 2]),
        "8": graphs.node("VAEDecode", samples=["11", 0], vae=["4", 2]),
        "9": graphs.node("PreviewImage", images=["8", 0]),
    }
    (picture,) = await engine.pictures(graph)
    assert picture.shape == (64, 64, 3)


async def test_a_picture_is_laid_over_another_where_the_mask_is_white(engine: Engine) -> None:
    below = await _uploaded(engine, Image.new("RGB", (32, 24), (10, 20, 30)))
    mask = Image.new("RGB", (32, 24))
    mask.paste((255, 255, 255), (0, 0, 8, 24))
    graph = {
        "1": graphs.node("LoadImage", image=below),
        "2": graphs.node("EmptyImage", width=32, height=24, batch_size=1, color=0xFF0000),
        "3": graphs.node("LoadImageMask", image=await _uploaded(engine, mask), channel="red"),
        "4": graphs.node(
            "ImageCompositeMasked", destination=["1", 0], source=["2", 0], x=4, y=0, resize_source=False, mask=["3", 0]
        ),
        "5": graphs.node("PreviewImage", images=["4", 0]),
    }
    (picture,) = await engine.pictures(graph)
    assert picture.shape == (24, 32, 3)
    assert [picture[12, column].tolist() for column in (3, 4, 11, 12, 31)] == [
        [10, 20, 30], [255, 0, 0], [255, 0, 0], [10, 20, 30], [10, 20, 30],
    ]  # fmt: skip
