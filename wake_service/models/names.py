"""Names of models: ComfyUI's folder, a slash, and the file's place in it (`checkpoints/sdxl/base.safetensors`)."""

from __future__ import annotations

import re

from wake_service.errors import ModelError

#: The machine's own list (cloud_image/model_sync/names.py); a test holds both together.
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
#: Folders that ComfyUI reads under a newer name.
RENAMED = {"clip": "text_encoders", "unet": "diffusion_models"}
ABOUT = ".about"
_PART = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")


def is_name(name: str) -> bool:
    """Whether this names a model, and leads nowhere else. Hidden files and folders are none."""
    folder, *parts = name.split("/")
    return folder in FOLDERS and bool(parts) and all(_PART.fullmatch(part) and not part.startswith(".") for part in parts)


def about_name(name: str) -> str:
    """Where a store keeps what is known about a model."""
    return f"{ABOUT}/{name}.json"


def model_name(folder: str, file: str) -> str:
    """The name of a file in a folder. Raises ModelError when there is no such folder, or the file's name is a path."""
    if folder not in FOLDERS:
        raise ModelError(f"“{folder}” is none of ComfyUI's folders. They are: {', '.join(FOLDERS)}.")
    if "/" in file or "\\" in file or not is_name(f"{folder}/{file}"):
        raise ModelError(f"“{file}” cannot be a model's name: a file's name without a path, not hidden, of 1 to 200 characters.")
    return f"{folder}/{file}"


def same_model(name: str) -> str:
    """One name for what ComfyUI takes for one model: its newer folder, and slashes."""
    folder, _, file = name.replace("\\", "/").partition("/")
    return f"{RENAMED.get(folder, folder)}/{file}"
