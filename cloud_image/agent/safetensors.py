"""Whether a file of weights is whole, as far as its header says.

https://huggingface.co/docs/safetensors describes the format: eight bytes with the header's length, the header in JSON with each
tensor's place, then the tensors without gaps.
"""

from __future__ import annotations

import json
import os
from typing import Any

#: The format's own limit of a header, in bytes.
MAX_HEADER = 100_000_000
SUFFIXES = (".safetensors", ".sft")


def flaw(fd: int, size: int) -> str:
    """What is wrong with an open safetensors file of so many bytes; empty when nothing is. Raises OSError."""
    start = os.pread(fd, 8, 0)
    if len(start) < 8:
        return "it is too short to be one"
    length = int.from_bytes(start, "little")
    if not 2 <= length <= min(MAX_HEADER, size - 8):
        return "its header does not fit into it"
    try:
        header = json.loads(os.pread(fd, length, 8))
        ends = _end(header)
    except (ValueError, RecursionError):
        return "its header cannot be read"
    if 8 + length + ends > size:
        return f"it ends early: it has {size} of {8 + length + ends} bytes"
    return ""


def _end(header: Any) -> int:
    """Where the last tensor ends, from the end of the header on. Raises ValueError."""
    if not isinstance(header, dict):
        raise ValueError("no object")
    last = 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(offset) is int for offset in offsets):
            raise ValueError("a tensor without a place")
        begins, ends = offsets
        if not 0 <= begins <= ends:
            raise ValueError("a tensor that ends before it begins")
        last = max(last, ends)
    return last
