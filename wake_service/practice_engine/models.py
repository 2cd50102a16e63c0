"""The models that the practice engine claims to have. None of them is a file: each is a way of sketching."""

from __future__ import annotations

CHECKPOINTS = ("practice-sd15.safetensors", "practice-sdxl.safetensors")
UNETS = ("practice-flux.safetensors",)
TEXT_ENCODERS = ("practice-clip-l.safetensors", "practice-t5.safetensors")
VAES = ("practice-vae.safetensors",)
FILLERS = ("practice-fill.safetensors",)
LORAS = ("practice-gouache.safetensors", "practice-ink.safetensors", "practice-night.safetensors")

FOLDERS: dict[str, tuple[str, ...]] = {
    "checkpoints": CHECKPOINTS,
    "loras": LORAS,
    "vae": VAES,
    "text_encoders": TEXT_ENCODERS,
    "diffusion_models": UNETS,
    "clip_vision": (),
    "style_models": (),
    "embeddings": (),
    "diffusers": (),
    "vae_approx": (),
    "controlnet": (),
    "gligen": (),
    "upscale_models": (),
    "hypernetworks": (),
    "photomaker": (),
    "classifiers": (),
    "inpaint": FILLERS,
}
"""What `GET /models` lists, and `GET /models/{folder}` for each."""

FOLDER_ALIASES = {"unet": "diffusion_models", "clip": "text_encoders"}
"""Older names of folders that ComfyUI still answers to."""
