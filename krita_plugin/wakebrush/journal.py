"""What is hers and not yet in her file, on disk: requests before they are sent, results as soon as they arrive.

Survives a crash of Krita, of the computer, and of the network. One folder per request, named by the idempotency key:

    entry.json        the request; written last, so a folder without it was never sent
    ROLE.png          what it needs: `image`, `mask`, `alpha`, `opacity`
    result-N          picture N as the service sent it
    thumbnail-N …     what can be made again, or done without, when it is missing
    results.json      what is known of the results, and whether more will come
    owner             which running Krita it belongs to (running.py); the others leave it alone until that one has ended

Every write of what cannot be made again is synced before it is relied upon. A folder goes when no more results will come and each
there is was discarded, or is in her saved file.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .running import Run

_ENTRY, _RESULTS, _OWNER = "entry.json", "results.json", "owner"
_VERSION = 2
#: How long results wait for her, in seconds; leftovers of a crash in the middle of a write wait a day.
KEPT_SECONDS = 30 * 86_400.0
_LEFTOVER_SECONDS = 86_400.0


@dataclass(frozen=True)
class Entry:
    """One request of hers: a region's pictures.

    `key`: idempotency key. `document_id`: Krita's, valid while the document is open; `document_path`: '' if never saved.
    `area`: x, y, width, height in document pixels. `request`: the body of POST /v1/generate. `uploads`: checksum by role.
    `created_at`: epoch seconds. `press`: the press of the button it belongs to (its own key when that made one request);
    `part` of `parts`: which of the press's regions it is; `offset`: its picture 0 is this picture of the press. `region`: how
    results are laid over the document (recipe.region_body). `placement`: where the layer goes. `recipe`: see recipe.py.
    `service`: which of her services it was sent to, once it was.
    """

    key: str
    document_id: str
    document_path: str
    area: tuple[int, int, int, int]
    name: str
    request: dict[str, Any]
    created_at: float
    uploads: dict[str, str] = field(default_factory=dict)
    job_id: str | None = None
    cancelled: bool = False
    press: str = ""
    part: int = 0
    parts: int = 1
    offset: int = 0
    region: dict[str, Any] = field(default_factory=dict)
    placement: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    service: str = ""

    @property
    def count(self) -> int:
        return int(self.request.get("count", 1))

    @property
    def press_id(self) -> str:
        return self.press or self.key


@dataclass(frozen=True)
class Mark:
    """What is known of result `n` of an entry. `at`: when it arrived, epoch seconds. `applied`: it is a layer. `saved`: it is in
    her saved file. `offered`: it was finished while Krita was closed, and she has not been asked yet. `remote`: only the service
    has the picture. `discarded`: she does not want it, or it is no picture."""

    n: int
    seed: int | None = None
    sha256: str = ""
    at: float = 0.0
    starred: bool = False
    applied: bool = False
    saved: bool = False
    offered: bool = False
    remote: bool = False
    discarded: bool = False


@dataclass(frozen=True)
class Kept:
    """An entry with its results. `closed`: no more will come."""

    entry: Entry
    marks: dict[int, Mark]
    closed: bool = False

    @property
    def owed(self) -> bool:
        """Whether results are still to come."""
        return not self.closed and len(self.marks) < self.entry.count

    @property
    def finished_with(self) -> bool:
        """Whether nothing of it is needed any more in this run."""
        return not self.owed and all(mark.discarded for mark in self.marks.values())


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return str(uuid.uuid4())


class Journal:
    """The entries of one folder. Thread-safe. `run`: this Krita, where several may use the folder."""

    def __init__(self, folder: Path, run: Run | None = None) -> None:
        self.folder = folder
        self._run = run
        self._lock = threading.RLock()

    # Requests.

    def write(self, entry: Entry, pictures: Mapping[str, bytes]) -> None:
        """Stores an entry with its pictures (PNG files by role). When it returns, all of it is on disk. Raises OSError."""
        folder = self._folder(entry.key)
        folder.mkdir(parents=True, exist_ok=True)
        self._claim(entry.key)
        for role, content in pictures.items():
            _write(folder / f"{role}.png", content)
        self._store(entry)
        _sync_folder(self.folder)

    def update(self, entry: Entry, **changes: Any) -> Entry:
        """Stores changes of an entry; the old or the new one is on disk at any moment. Raises OSError.

        What else was changed on disk meanwhile stays; one that was removed meanwhile stays removed.
        """
        with self._lock:
            present = _read_entry(self._folder(entry.key) / _ENTRY)
            if present is None:
                return replace(entry, **changes)
            changed = replace(present, **changes)
            if changed != present:
                self._store(changed)
            return changed

    def restore(self, kept: Kept, files: Mapping[str, bytes]) -> bool:
        """Takes over what a document's history holds, unless it is here already; whether it was taken. Raises OSError.

        `files`: by their names in the folder. No more results will come.
        """
        with self._lock:
            if self._kept(kept.entry.key) is not None:
                return False
            folder = self._folder(kept.entry.key)
            folder.mkdir(parents=True, exist_ok=True)
            self._claim(kept.entry.key)
            for name, content in files.items():
                (folder / name).write_bytes(content)
            self._store_marks(replace(kept, closed=True))
            self._store(kept.entry)
            return True

    def document_saved(self, document_id: str, path: str) -> None:
        """A document has a (new) name: what belongs to it is found by that from now on. Raises OSError."""
        for kept in self.all():
            if kept.entry.document_id == document_id and kept.entry.document_path != path:
                self.update(kept.entry, document_path=path)

    def close(self, key: str) -> None:
        """No more results will come; forgets an entry that has none."""
        with self._lock:
            kept = self._kept(key)
            if kept is not None:
                self._settle(replace(kept, closed=True))

    def remove(self, key: str) -> None:
        """Forgets an entry. The entry file goes first, so a half-removed one is not found again."""
        with self._lock:
            folder = self._folder(key)
            (folder / _ENTRY).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    def picture(self, key: str, role: str) -> bytes | None:
        """A stored picture of an entry (PNG), or None."""
        return _content(self._folder(key) / f"{role}.png")

    # Results.

    def receive(self, key: str, mark: Mark, content: bytes) -> Entry | None:
        """Stores a result; when it returns, it is on disk. The entry as it is now; None when it was removed. Raises OSError."""
        with self._lock:
            kept = self._kept(key)
            if kept is None:
                return None
            _write(self._result(key, mark.n), content)
            self._store_marks(replace(kept, marks={**kept.marks, mark.n: mark}))
            return kept.entry

    def result(self, key: str, n: int) -> bytes | None:
        """A result as the service sent it, or None."""
        return _content(self._result(key, n))

    def cache(self, key: str, name: str, content: bytes) -> None:
        """Stores what can be made again at any time: not synced. Raises OSError."""
        if self._folder(key).is_dir():
            (self._folder(key) / name).write_bytes(content)

    def cached(self, key: str, name: str) -> bytes | None:
        """What was stored by `cache`, or None."""
        return _content(self._folder(key) / name)

    def mark(self, key: str, n: int, **changes: Any) -> None:
        """Notes something of a result (see Mark). The entry goes with its last result. Raises OSError."""
        with self._lock:
            kept = self._kept(key)
            if kept is None:
                return
            mark = replace(kept.marks.get(n, Mark(n)), **changes)
            self._settle(replace(kept, marks={**kept.marks, n: mark}))
            if mark.discarded:
                self._result(key, n).unlink(missing_ok=True)

    def sweep(self, now: float) -> None:
        """Forgets what is over: what is in her file, what is older than 30 days, and leftovers of writes a day old.

        What another running Krita has is not touched; what one has left belongs to this one from now on. Raises OSError.
        """
        if not self.folder.is_dir():
            return
        for folder in self.folder.iterdir():
            if self._is_of_another(folder.name):
                continue
            kept = self._kept(folder.name)
            if kept is None:
                if folder.is_dir() and now - folder.stat().st_mtime > _LEFTOVER_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            elif not kept.owed and all(_is_over(mark, now) for mark in kept.marks.values()):
                self.remove(folder.name)
            else:
                self._claim(folder.name)

    def all(self) -> list[Kept]:
        """Everything there is but what another running Krita has, oldest first."""
        if not self.folder.is_dir():
            return []
        with self._lock:
            keys = [folder.name for folder in self.folder.iterdir() if not self._is_of_another(folder.name)]
            found = [kept for key in keys if (kept := self._kept(key)) is not None]
        return sorted(found, key=lambda kept: kept.entry.created_at)

    # Whose it is.

    def _claim(self, key: str) -> None:
        if self._run is not None:
            self._run.begin()
            (self._folder(key) / _OWNER).write_text(self._run.name, encoding="ascii")

    def _is_of_another(self, key: str) -> bool:
        if self._run is None:
            return False
        owner = (_content(self._folder(key) / _OWNER) or b"").decode("ascii", "replace")
        return owner not in ("", self._run.name) and self._run.lives(owner)

    # Files.

    def _folder(self, key: str) -> Path:
        return self.folder / key

    def _result(self, key: str, n: int) -> Path:
        return self._folder(key) / f"result-{n}"

    def _kept(self, key: str) -> Kept | None:
        entry = _read_entry(self._folder(key) / _ENTRY)
        if entry is None:
            return None
        value = _read_json(self._folder(key) / _RESULTS) or {}
        try:
            marks = {mark.n: mark for mark in (Mark(**each) for each in value.get("results", ()))}
        except (TypeError, AttributeError):
            marks = {}
        there = {n: mark for n, mark in marks.items() if mark.discarded or mark.remote or self._result(key, n).is_file()}
        return Kept(entry, there, bool(value.get("closed")))

    def _store(self, entry: Entry) -> None:
        content = json.dumps({"version": _VERSION, **asdict(entry)}, ensure_ascii=False).encode("utf-8")
        _write(self._folder(entry.key) / _ENTRY, content)

    def _store_marks(self, kept: Kept) -> None:
        value = {"closed": kept.closed, "results": [asdict(mark) for mark in kept.marks.values()]}
        _write(self._folder(kept.entry.key) / _RESULTS, json.dumps(value).encode("utf-8"))

    def _settle(self, kept: Kept) -> None:
        if kept.finished_with:
            self.remove(kept.entry.key)
        else:
            self._store_marks(kept)


def _is_over(mark: Mark, now: float) -> bool:
    return mark.discarded or mark.saved or now - mark.at > KEPT_SECONDS


def _read_entry(path: Path) -> Entry | None:
    """The entry in a file; None for one that is missing, or not of this version."""
    value = _read_json(path)
    if value is None or value.pop("version", None) != _VERSION:
        return None
    try:
        return Entry(**{**value, "area": tuple(value["area"])})
    except (KeyError, TypeError):
        return None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, content: bytes) -> None:
    """Replaces a file in one step and syncs it and its folder. A write that fails leaves nothing behind."""
    partial = path.with_suffix(path.suffix + ".part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
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
