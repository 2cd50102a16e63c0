"""What one picture needs, in the engine's terms: the input of `graph.build`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """What is asked of the engine."""

    TEXT_TO_IMAGE = "text_to_image"
    IMAGE_TO_IMAGE = "image_to_image"
    INPAINT = "inpaint"


class Base(StrEnum):
    """Families of models whose graphs differ."""

    SD15 = "sd15"
    SDXL = "sdxl"
    FLUX = "flux"


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA file with its strength for model and text encoder."""

    name: str
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Style:
    """A checkpoint, its LoRAs and sampler settings under one name.

    `checkpoint` is set for sd15 and sdxl; for flux either it or `unet`, `text_encoders` (two) and `vae`. `vae` overrides a
    checkpoint's own. `width` and `height` are the size the model was trained on. `prompt_template` may hold `{prompt}` once;
    without it, it follows the prompt. flux is steered by `guidance` alone: `cfg` and negative prompts have no effect there.
    """

    name: str
    title: str
    base: Base
    description: str = ""
    checkpoint: str | None = None
    unet: str | None = None
    text_encoders: tuple[str, ...] = ()
    vae: str | None = None
    loras: tuple[Lora, ...] = field(default=())
    sampler: str = "euler"
    scheduler: str = "normal"
    steps: int = 20
    cfg: float = 7.0
    guidance: float = 3.5
    width: int = 512
    height: int = 512
    prompt_template: str = "{prompt}"
    negative_prompt: str = ""
    default_strength: float = 0.7


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One picture. `image` and `mask` are names in the engine's input folder; `width` × `height` is the result's size in pixels.

    The mask's red channel is used: white is painted, black is kept. `strength` in (0, 1]; `seed` in [0, 2**64). `first_pass`:
    painted at this size first (pixels, no side larger than the picture's), enlarged, and sampled again. `fill_model`: the file
    of an inpaint model that fills the hole before anything is sampled. `frugal`: with less memory, at some cost of time and
    fidelity.
    """

    mode: Mode
    style: Style
    prompt: str
    negative_prompt: str
    width: int
    height: int
    seed: int
    strength: float = 1.0
    image: str | None = None
    mask: str | None = None
    filename_prefix: str = "wakebrush/picture"
    first_pass: tuple[int, int] | None = None
    fill_model: str | None = None
    frugal: bool = False
