"""Which models a prompt's graph reads, as the engine names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What ends so is a file of weights.
WEIGHTS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".gguf", ".onnx")
#: The folder of ComfyUI's layout from which a loader's input is read, where the input's name alone says it
#: (ComfyUI's nodes.py and comfy_extras, and the usual control and inpaint packs).
_BY_INPUT = {
    "ckpt_name": "checkpoints",
    "lora_name": "loras",
    "vae_name": "vae",
    "control_net_name": "controlnet",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "clip_name4": "text_encoders",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "ipadapter_file": "ipadapter",
}
#: And where only its class does.
_BY_CLASS = {
    ("UpscaleModelLoader", "model_name"): "upscale_models",
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("INPAINT_LoadInpaintModel", "model_name"): "inpaint",
    ("INPAINT_LoadFooocusInpaint", "head"): "inpaint",
    ("INPAINT_LoadFooocusInpaint", "patch"): "inpaint",
    ("PhotoMakerLoader", "photomaker_model_name"): "photomaker",
    ("ModelPatchLoader", "name"): "model_patches",
}
MAX_NAME = 300


def models_of(graph: Any) -> tuple[str, ...]:
    """`checkpoints/name.safetensors` for each model that the graph's loaders read, in the graph's order, once.

    A loader of a node pack that nobody here has heard of is left out. Raises nothing, whatever `graph` is.
    """
    found: dict[str, None] = {}
    for node in graph.values() if isinstance(graph, Mapping) else ():
        if not isinstance(node, Mapping) or not isinstance(node.get("inputs"), Mapping):
            continue
        for name, value in node["inputs"].items():
            folder = _BY_CLASS.get((str(node.get("class_type")), str(name))) or _BY_INPUT.get(str(name))
            if folder and isinstance(value, str) and len(value) <= MAX_NAME and value.lower().endswith(WEIGHTS):
                found[f"{folder}/{value}"] = None
    return tuple(found)
