"""One disk of models in ComfyUI's layout, with a book of what a sync brought there.

`.about/FOLDER/NAME.json` is a model's page in the book: a copy of what its store knows, and of which file it speaks.
`.parts/` holds what is on its way. Both are hidden from ComfyUI, which looks into its own folders only: a folder that a node
pack invented shows it every file, whatever its name ends with.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from .in_use import open_files
from .names import about_name, is_name
from .plan import Local, Remote
from .source import model_files

GIB = 1024**3
PARTS = ".parts"


def free_bytes(folder: Path) -> int:
    """Room on the disk that a folder is on."""
    return shutil.disk_usage(folder).free


class Tier:
    """The models below `root`. `keep_free` bytes of the disk stay free. Calls raise OSError."""

    def __init__(
        self,
        root: Path,
        keep_free: int = 0,
        free: Callable[[Path], int] = free_bytes,
        opened: Callable[[Path], set[Path]] = open_files,
    ) -> None:
        self.root = root
        self._keep_free = keep_free
        self._free = free
        self._opened = opened

    def models(self) -> list[Local]:
        """All models that are here, whoever put them there."""
        return [self._local(name, path) for name, path in model_files(self.root)]

    def has(self, name: str) -> bool:
        """Whether a model of that name is here."""
        return is_name(name) and (self.root / name).is_file()

    def _local(self, name: str, path: Path) -> Local:
        stat, page = path.stat(), self._page(name)
        ours = bool(page) and (page.get("size"), page.get("mtime_ns")) == (stat.st_size, stat.st_mtime_ns)
        version = str(page.get("version", "")) if ours else ""
        return Local(name, stat.st_size, version, max(stat.st_atime, stat.st_mtime), ours)

    def _page(self, name: str) -> dict[str, Any]:
        """What the book says of a model; nothing when it has no page, or one that nobody can read: then it isn't ours."""
        try:
            page = json.loads((self.root / about_name(name)).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return page if isinstance(page, dict) else {}

    def room(self) -> int:
        """Bytes that may still be filled; below zero when others have taken what should stay free."""
        return self._free(self.root) - self._keep_free

    def in_use(self, since: float) -> set[str]:
        """Names of models that are open now, or were read since then (epoch seconds)."""
        opened = self._opened(self.root)
        return {name for name, path in model_files(self.root) if path in opened or _read_since(path, since)}

    def part(self, model: Remote) -> Path:
        """Where this version of a model grows; its name differs for every version, so that no two are mixed."""
        digest = hashlib.sha256("\0".join((model.name, model.version, model.etag)).encode()).hexdigest()
        return self.root / PARTS / f"{digest[:32]}.part"

    def arrived(self, models: Collection[Remote]) -> dict[str, int]:
        """Bytes of models on their way that are here already."""
        return {model.name: part.stat().st_size for model in models if (part := self.part(model)).exists()}

    def forget_parts(self, models: Collection[Remote]) -> None:
        """Deletes what was begun of models (or versions of models) that are not on their way any more."""
        wanted = {self.part(model) for model in models}
        for path in (self.root / PARTS).glob("*.part"):
            if path not in wanted:
                path.unlink()

    def take_in(self, model: Remote, sha256: str) -> None:
        """Gives a part that is whole its name, in one step, and writes its page. An older version's readers keep theirs."""
        part, path = self.part(model), self.root / model.name
        path.parent.mkdir(parents=True, exist_ok=True)
        part.chmod(0o644)
        stat = part.stat()
        # Never read, as far as its times tell: so the first read is written down at once (relatime).
        os.utime(part, ns=(stat.st_mtime_ns - 1, stat.st_mtime_ns))
        page = {"name": model.name, "sha256": sha256, "size": model.size, "license": model.license}
        page |= {"commercial": model.commercial, "added_at": model.added_at, "version": model.version}
        # The page first: if the power goes in between, the file that is there is not the one it speaks of, and is no longer ours.
        _write(self.root / about_name(model.name), json.dumps({**page, "mtime_ns": stat.st_mtime_ns}))
        part.replace(path)
        _sync_folder(path.parent)

    def evict(self, name: str) -> None:
        """Deletes a model and its page. Its folder stays: ComfyUI fails to list a folder that it knew and that is gone."""
        (self.root / name).unlink(missing_ok=True)
        (self.root / about_name(name)).unlink(missing_ok=True)


def _read_since(path: Path, since: float) -> bool:
    stat = path.stat()
    return stat.st_atime_ns > stat.st_mtime_ns and stat.st_atime >= since


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
