"""What a store knows about a model: a small JSON file beside it, written by `wakebrush models add`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class About:
    """Checksum, size in bytes, when it was added (epoch seconds), and under what licence."""

    name: str
    sha256: str
    size: int
    added_at: float
    license: str = ""
    commercial: str = ""


def read_about(name: str, text: str | bytes) -> About:
    """What the file beside the model `name` says. Raises ValueError with the flaw."""
    try:
        said: Any = json.loads(text)
    except ValueError as flaw:
        raise ValueError("it is no JSON") from flaw
    if not isinstance(said, dict):
        raise ValueError("it is no object")
    sha256, size, added_at = said.get("sha256"), said.get("size"), said.get("added_at", 0.0)
    if said.get("name") != name:
        raise ValueError(f"it is about {said.get('name')!r}")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError("its sha256 is no checksum")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError("its size is no number of bytes")
    if not isinstance(added_at, int | float) or isinstance(added_at, bool):
        raise ValueError("its added_at is no moment")
    return About(name, sha256, size, float(added_at), str(said.get("license", "")), str(said.get("commercial", "")))
