"""Graphs for tests, small enough for a real ComfyUI without a GPU. Node ids are those of the recorded traces."""

from __future__ import annotations

from typing import Any

Graph = dict[str, Any]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """One node."""
    return {"class_type": kind, "inputs": inputs}


def sampler(latent: list[Any], *, seed: int = 1, steps: int = 4, denoise: float = 1.0) -> dict[str, Any]:
    return node(
        "KSampler",
        seed=seed,
        steps=steps,
        cfg=7.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=denoise,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=latent,
    )


def text_to_image(
    checkpoint: str, *, text: str = "a lighthouse", width: int = 64, height: int = 64, batch: int = 1, **sampling: Any
) -> Graph:
    """The graph every ComfyUI starts with."""
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "5": node("EmptyLatentImage", width=width, height=height, batch_size=batch),
        "6": node("CLIPTextEncode", text=text, clip=["4", 1]),
        "7": node("CLIPTextEncode", text="watermark", clip=["4", 1]),
        "3": sampler(["5", 0], **sampling),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="contract", images=["8", 0]),
    }


def over_image(checkpoint: str, image: str, *, text: str = "a lighthouse", mask: str | None = None, **sampling: Any) -> Graph:
    """Image to image; with a mask only its white part is new."""
    graph = text_to_image(checkpoint, text=text)
    del graph["5"]
    graph["10"] = node("LoadImage", image=image)
    graph["11"] = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    latent = ["11", 0]
    if mask:
        graph["12"] = node("LoadImageMask", image=mask, channel="red")
        graph["13"] = node("SetLatentNoiseMask", samples=["11", 0], mask=["12", 0])
        latent = ["13", 0]
    graph["3"] = sampler(latent, **sampling)
    return graph


def inpaint(checkpoint: str, image: str, **sampling: Any) -> Graph:
    """Fills the transparent part of a picture."""
    graph = text_to_image(checkpoint)
    del graph["5"]
    graph["10"] = node("LoadImage", image=image)
    graph["11"] = node("VAEEncodeForInpaint", pixels=["10", 0], vae=["4", 2], mask=["10", 1], grow_mask_by=6)
    graph["3"] = sampler(["11", 0], **sampling)
    return graph


def plain(*, colour: int = 0x3366CC, width: int = 24, height: int = 16, output: str = "SaveImage") -> Graph:
    """No model at all: one colour, inverted, saved."""
    inputs = {"images": ["2", 0]} | ({"filename_prefix": "plain"} if output == "SaveImage" else {})
    return {
        "1": node("EmptyImage", width=width, height=height, batch_size=1, color=colour),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node(output, **inputs),
    }


def endless(checkpoint: str, seed: int = 1) -> Graph:
    """Runs until it is stopped."""
    return text_to_image(checkpoint, steps=10_000, seed=seed)
