"""What a model file says of itself in its first bytes: whether it is whole, and which of ComfyUI's folders it belongs in.

The layout is that of safetensors: 8 bytes with the length of a JSON header (little-endian), the header, the tensors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from wake_service.errors import ModelError

LENGTH_BYTES = 8
#: The format's own limit.
LONGEST_HEADER = 100_000_000

#: Names of tensors, as the families' makers save them; the first row of which one is found says the folder. LoRAs come first,
#: because they name the layers of what they change; checkpoints before the parts that they are made of.
_SIGNS: tuple[tuple[str, str], ...] = (
    ("loras", r"lora_(up|down|A|B)\.|\.lora\.(up|down)\.|^lora_(unet|te\d?)_|\.(hada_w1|lokr_w1)|\.alpha$"),
    ("controlnet", r"^control_model\.|controlnet_cond_embedding|controlnet_(blocks|down_blocks|x_embedder)|^input_hint_block\."),
    ("text_encoders", r"^model\.layers\.\d+\.self_attn"),
    ("clip_vision", r"^(vision_model|visual|image_encoder)\."),
    ("diffusion_models", r"^(model\.diffusion_model\.|double_blocks\.\d|joint_blocks\.\d|input_blocks\.\d|down_blocks\.\d)"),
    ("diffusion_models", r"^(transformer_blocks\.\d|blocks\.\d+\.(cross|self)_attn\.|single_transformer_blocks\.\d)"),
    ("text_encoders", r"^(text_model\.encoder\.|encoder\.block\.\d+\.layer\.0\.SelfAttention)"),
    ("vae", r"^(decoder\.(up|up_blocks|mid_block|mid|conv_out)\b|first_stage_model\.decoder\.)"),
    ("upscale_models", r"\.(rdb|RDB)1\.conv1\.|^model\.1\.sub\.\d|^params_ema\.|^conv_first\.weight$"),
    ("embeddings", r"^(emb_params|string_to_param\.\*|clip_[lg])$"),
)
#: What a checkpoint brings along besides the part that paints.
_WITH_VAE = re.compile(r"^(first_stage_model|vae)\.")
_WITH_ENCODER = re.compile(r"^(cond_stage_model|conditioner|text_encoders)\.")
_PAINTS = re.compile(r"^model\.diffusion_model\.")


def header_length(head: bytes, size: int) -> int:
    """How many bytes the header has, from the first 8 of a file of `size` bytes. Raises ModelError."""
    if len(head) < LENGTH_BYTES:
        raise ModelError("This is no safetensors file: it ends before its header begins.")
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    if not 2 <= length <= min(LONGEST_HEADER, size - LENGTH_BYTES):
        raise ModelError(f"This is no safetensors file: {_looks_like(head)}.")
    return length


def tensor_names(header: bytes, size: int) -> list[str]:
    """Names of the tensors that a header lists. `size`: bytes of the whole file, which must hold them all. Raises ModelError."""
    try:
        listed: Any = json.loads(header)
    except (ValueError, RecursionError) as flaw:
        raise ModelError("The safetensors header is broken: it is no JSON.") from flaw
    if not isinstance(listed, dict):
        raise ModelError("The safetensors header is broken: it lists no tensors.")
    end = size - LENGTH_BYTES - len(header)
    last = 0
    names = [name for name in listed if name != "__metadata__"]
    for name in names:
        begin, until = _offsets(name, listed[name])
        if not 0 <= begin <= until <= end:
            raise ModelError(f"The file is not whole: its header says that “{name[:80]}” lies where the file has ended.")
        last = max(last, until)
    if last != end:
        raise ModelError(f"The file is not what its header says: {last:,} bytes of tensors, and {end:,} in the file.")
    return names


def _offsets(name: str, tensor: Any) -> tuple[int, int]:
    offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
    if not isinstance(offsets, list) or [type(offset) for offset in offsets] != [int, int]:
        raise ModelError(f"The safetensors header is broken: it does not say where “{name[:80]}” lies.")
    return offsets[0], offsets[1]


def guessed_folder(names: Iterable[str]) -> str | None:
    """ComfyUI's folder for a file with such tensors; None when they are of no family that is known here."""
    names = list(names)
    if any(map(_PAINTS.search, names)) and any(map(_WITH_VAE.search, names)) and any(map(_WITH_ENCODER.search, names)):
        return "checkpoints"
    for folder, sign in _SIGNS:
        pattern = re.compile(sign)
        if any(map(pattern.search, names)):
            return folder
    return None


def _looks_like(head: bytes) -> str:
    if head.startswith(b"PK\x03\x04") or head.startswith(b"\x80"):
        return "it looks like a pickle (.ckpt, .pt), which can run code when it is loaded"
    if head.lstrip()[:1] == b"<":
        return "it looks like a web page; the address may want a login"
    if head.startswith(b"GGUF"):
        return "it is a GGUF file; give it that ending"
    return "its first bytes are no length of a header"
