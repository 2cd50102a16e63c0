"""Names of models: ComfyUI's folder, a slash, and the file's place in it (`checkpoints/sdxl/base.safetensors`)."""

from __future__ import annotations

import re

#: ComfyUI's folders of models (its folder_paths.py at 0.45), the two older names that it still reads, and those that the
#: node packs of the image look into. `configs`, `custom_nodes`, `datasets` and `fonts` hold no models.
FOLDERS = (
    "audio_encoders",
    "background_removal",
    "checkpoints",
    "classifiers",
    "clip",
    "clip_vision",
    "controlnet",
    "detection",
    "diffusers",
    "diffusion_models",
    "embeddings",
    "frame_interpolation",
    "geometry_estimation",
    "gligen",
    "hypernetworks",
    "inpaint",
    "ipadapter",
    "latent_upscale_models",
    "loras",
    "model_patches",
    "optical_flow",
    "photomaker",
    "style_models",
    "text_encoders",
    "unet",
    "upscale_models",
    "vae",
    "vae_approx",
)
#: Beside the models in a store: what is known about each, `models/.about/FOLDER/NAME.json`.
ABOUT = ".about"
_PART = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")


def is_name(name: str) -> bool:
    """Whether this names a model, and leads nowhere else. Hidden files and folders are none."""
    folder, *parts = name.split("/")
    return folder in FOLDERS and bool(parts) and all(_PART.fullmatch(part) and not part.startswith(".") for part in parts)


def about_name(name: str) -> str:
    """Where a store keeps what is known about a model."""
    return f"{ABOUT}/{name}.json"
