"""What is under way, on disk before it is sent: survives a crash of Krita, of the computer, and of the network.

One folder per entry, named by the idempotency key: `entry.json` (written last, so a folder without it was never sent) and the
pictures it needs. Every write is synced before it is relied upon. When all pictures of an entry are layers, the folder goes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

_ENTRY = "entry.json"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One request of hers.

    `key`: idempotency key. `document_id`: Krita's, valid while the document is open; `document_path`: '' if never saved.
    `area`: x, y, width, height in document pixels. `request`: the body of POST /v1/generate. `uploads`: checksum by role
    (`image`, `mask`). `inserted`: numbers of the pictures that are layers already. `created_at`: epoch seconds.
    """

    key: str
    document_id: str
    document_path: str
    area: tuple[int, int, int, int]
    name: str
    request: dict[str, Any]
    created_at: float
    uploads: dict[str, str] = field(default_factory=dict)
    has_alpha: bool = False
    job_id: str | None = None
    cancelled: bool = False
    inserted: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return int(self.request.get("count", 1))

    @property
    def done(self) -> bool:
        return len(self.inserted) >= self.count


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return str(uuid.uuid4())


class Journal:
    """The entries of one folder. Thread-safe as long as each entry is changed by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, entry: Entry, pictures: Mapping[str, bytes]) -> None:
        """Stores an entry with its pictures (`image`, `mask`, `alpha`: PNG files).

        When it returns, all of it is on disk. Raises OSError.
        """
        folder = self._folder(entry.key)
        folder.mkdir(parents=True, exist_ok=True)
        for role, content in pictures.items():
            _write(folder / f"{role}.png", content)
        self._store(entry)
        _sync_folder(self.folder)

    def update(self, entry: Entry, **changes: Any) -> Entry:
        """Stores a changed entry; the old or the new one is on disk at any moment. Raises OSError.

        One that was removed meanwhile stays removed.
        """
        changed = replace(entry, **changes)
        with contextlib.suppress(FileNotFoundError):
            self._store(changed)
        return changed

    def inserted(self, entry: Entry, numbers: set[int]) -> Entry:
        """Notes which of its pictures are layers now; the entry goes when that is all of them."""
        changed = replace(entry, inserted=tuple(sorted(numbers)))
        if changed.done:
            self.remove(entry.key)
            return changed
        return self.update(changed)

    def remove(self, key: str) -> None:
        """Forgets an entry. The entry file goes first, so a half-removed one is not found again."""
        folder = self._folder(key)
        (folder / _ENTRY).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def picture(self, key: str, role: str) -> bytes | None:
        """A stored picture of an entry (PNG), or None."""
        try:
            return (self._folder(key) / f"{role}.png").read_bytes()
        except FileNotFoundError:
            return None

    def entries(self) -> list[Entry]:
        """What is not finished, oldest first. Leftovers of a crash in the middle of a write are swept when they are a day old."""
        found: list[Entry] = []
        if not self.folder.is_dir():
            return found
        for folder in sorted(self.folder.iterdir()):
            entry = _read(folder / _ENTRY)
            if entry is not None:
                found.append(entry)
            elif folder.is_dir() and time.time() - folder.stat().st_mtime > 86_400:
                shutil.rmtree(folder, ignore_errors=True)
        return sorted(found, key=lambda entry: entry.created_at)

    def _folder(self, key: str) -> Path:
        return self.folder / key

    def _store(self, entry: Entry) -> None:
        content = json.dumps({"version": _VERSION, **asdict(entry)}, ensure_ascii=False).encode("utf-8")
        _write(self._folder(entry.key) / _ENTRY, content)


def _read(path: Path) -> Entry | None:
    """The entry in a file; None for one that is missing, or not of this version."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value.pop("version", None) != _VERSION:
            return None
        return Entry(**{**value, "area": tuple(value["area"]), "inserted": tuple(value["inserted"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(path: Path, content: bytes) -> None:
    """Replaces a file in one step and syncs it and its folder."""
    partial = path.with_suffix(path.suffix + ".part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes new names in a folder permanent. Windows does that by itself and cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
