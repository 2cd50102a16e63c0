"""Model files of a few bytes that are what their headers say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

from wake_service.models.about import About, Commercial
from wake_service.models.incoming import Incoming

CHECKPOINT = ("model.diffusion_model.out.0.weight", "first_stage_model.decoder.conv_in.weight", "cond_stage_model.model.ln.bias")


def safetensors(*names: str, filling: bytes = b"\1\2\3\4", **changes: Any) -> bytes:
    """A file with one tensor of one number for each name."""
    tensors = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [number * 4, number * 4 + 4]} for number, name in enumerate(names)
    }
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors, **changes}).encode()
    return len(header).to_bytes(8, "little") + header + filling * len(names)


MODEL = safetensors(*CHECKPOINT)
SHA256 = hashlib.sha256(MODEL).hexdigest()


async def stream(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def incoming(data: bytes = MODEL, file: str = "base.safetensors", size: int | None = None) -> Incoming:
    return Incoming(file, len(data) if size is None else size, stream(data, 7))


def about(name: str, data: bytes = MODEL, commercial: str = "yes", **changes: Any) -> About:
    known = {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "license": "MIT", "added_at": 5.0}
    return About(**{**known, "commercial": Commercial(commercial), **changes})
