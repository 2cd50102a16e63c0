"""What ComfyUI keeps for its user beside pictures: settings of the web page, saved workflows and whatever else packs store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

SETTINGS = "comfy.settings.json"


class UserFolder:
    """The files of the one user of an engine, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path | None:
        """Where a client's name leads (percent signs are read once more, as ComfyUI does); None when it leads outside."""
        name = unquote(name) if "%" in name else name
        if "\0" in name:
            return None
        path = (self.root / name).resolve()
        return path if path.is_relative_to(self.root) else None

    def settings(self) -> dict[str, Any]:
        """All settings of the web page by their ids."""
        try:
            stored = json.loads((self.root / SETTINGS).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Sets these, keeps the others."""
        (self.root / SETTINGS).write_text(json.dumps(self.settings() | changes, indent=2))

    def info(self, path: Path, relative_to: Path) -> dict[str, Any]:
        """Name, size in bytes and times (seconds since 1970) of a file."""
        facts = path.stat()
        name = path.relative_to(relative_to).as_posix()
        return {"path": name, "size": facts.st_size, "modified": facts.st_mtime, "created": facts.st_ctime}

    def listing(self, folder: Path, *, recurse: bool, full_info: bool, split: bool) -> list[Any]:
        """The files of a folder: names, names with their parts (`split`), or names with facts (`full_info`)."""
        files = sorted(path for path in _visible(folder, recurse=recurse) if path.is_file())
        if full_info:
            return [self.info(path, folder) for path in files]
        names = [path.relative_to(folder).as_posix() for path in files]
        return [[name, *name.split("/")] for name in names] if split else names

    def tree(self, folder: Path) -> list[dict[str, Any]]:
        """Everything below a folder, folders first, by name."""
        entries = [self._entry(path) for path in folder.rglob("*")]
        return sorted(entries, key=lambda entry: (entry["type"] != "directory", entry["name"].lower()))

    def _entry(self, path: Path) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": path.name, "path": path.relative_to(self.root).as_posix()}
        if path.is_dir():
            return entry | {"type": "directory"}
        facts = path.stat()
        return entry | {"type": "file", "size": facts.st_size, "modified": facts.st_mtime}

    def write(self, path: Path, data: bytes) -> None:
        """Stores a file; its folders are made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def move(self, source: Path, target: Path) -> None:
        """Gives a file another name; the new name's folders are made."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)


def _visible(folder: Path, *, recurse: bool) -> Iterator[Path]:
    """What a shell's `*` (or `**`) would find: nothing whose name begins with a dot."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if recurse and path.is_dir():
            yield from _visible(path, recurse=True)
        yield path
