"""Small stores of models, and a tier whose disk is as large as a test wants."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud_image.errors import ModelError
from cloud_image.model_sync.names import about_name
from cloud_image.model_sync.plan import Remote
from cloud_image.model_sync.rate import Rate
from cloud_image.model_sync.source import FolderSource, Listing
from cloud_image.model_sync.sync import Outcome, Sync
from cloud_image.model_sync.tier import PARTS, Tier

BASE = "checkpoints/base.safetensors"
LORA = "loras/ink/fine.safetensors"
BYTES = bytes(range(256)) * 12_000


def about(name: str, data: bytes, /, **changes: Any) -> str:
    known = {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "added_at": 100.0}
    return json.dumps({**known, "license": "MIT", "commercial": "yes", **changes})


def put(root: Path, name: str, data: bytes = BYTES, /, **changes: Any) -> None:
    """A model in a folder, with what is known about it."""
    for path, content in ((root / name, data), (root / about_name(name), about(name, data, **changes).encode())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Disk:
    """A tier of so many bytes; `opened` are the files that somebody has open."""

    def __init__(self, root: Path, size: int = 10**9) -> None:
        self.root = root
        self.size = size
        self.opened: set[Path] = set()
        root.mkdir(parents=True, exist_ok=True)
        self.tier = Tier(root, 0, free=self.free, opened=lambda _: self.opened)

    def free(self, _: Path) -> int:
        held = [path for path in self.root.rglob("*") if path.is_file() and ".about" not in path.parts]
        return self.size - sum(path.stat().st_size for path in held)

    @property
    def names(self) -> set[str]:
        return {model.name for model in self.tier.models()}

    @property
    def parts(self) -> list[Path]:
        return list((self.root / PARTS).glob("*.part"))

    def use(self, name: str, at: float) -> None:
        """Somebody reads a model at that moment; it was brought long before."""
        path = self.root / name
        os.utime(path, (at, path.stat().st_mtime))


class Flaky:
    """A source whose reads break as a test says: each entry of `breaks` is the byte after which one read ends with an error."""

    def __init__(self, source: FolderSource) -> None:
        self.source = source
        self.breaks: list[int] = []
        self.error: Exception = ModelError("the connection broke", passing=True)
        self.starts: list[int] = []

    def listing(self) -> Listing:
        return self.source.listing()

    def read(self, model: Remote, start: int) -> Iterator[bytes]:
        self.starts.append(start)
        left = self.breaks.pop(0) if self.breaks else None
        for chunk in self.source.read(model, start):
            if left is not None and left < len(chunk):
                yield chunk[:left]
                raise self.error
            left = None if left is None else left - len(chunk)
            yield chunk


class Lines(list[str]):
    """What a sync told, and how long it slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []


def sync(source: Any, disk: Disk, *wanted: str, since: float = 1e12, lines: Lines | None = None) -> Outcome:
    lines = Lines() if lines is None else lines
    return Sync(source, disk.tier, Rate(0), since, lines.append, lines.slept.append).run(wanted)
