"""Models in a folder of this computer, in ComfyUI's layout: its own `models` folder, or a mount that machines share."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from wake_service.errors import ModelError
from wake_service.models.about import About
from wake_service.models.names import FOLDERS, about_name, is_name
from wake_service.models.store import Entry, Gauge, Inventory, believed

#: What is on its way lies beside ComfyUI's folders, not in them: of some it shows every file.
PARTS = ".parts"


class FolderModels:
    """A ModelStore in a folder. It is made with the first model."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        return str(self.root)

    async def inventory(self) -> Inventory:
        with self._sentences("listed"):
            return await asyncio.to_thread(self._inventory)

    def _inventory(self) -> Inventory:
        found = Inventory()
        for name, path in self._files():
            size = path.stat().st_size
            found.entries.append(Entry(name, size, believed(name, size, self._about(name), found.troubles)))
        return found

    def _files(self) -> Iterator[tuple[str, Path]]:
        for folder in FOLDERS:
            for above, folders, files in os.walk(self.root / folder, onerror=_raise_unless_missing):
                folders.sort()
                for path in (Path(above, file) for file in sorted(files)):
                    name = path.relative_to(self.root).as_posix()
                    # ComfyUI's checkout has an empty file in each folder whose name says what to put there.
                    if is_name(name) and path.is_file() and not path.name.startswith("put_"):
                        yield name, path

    def _about(self, name: str) -> bytes | None:
        try:
            return (self.root / about_name(name)).read_bytes()
        except FileNotFoundError:
            return None

    async def put(self, name: str, chunks: AsyncIterator[bytes], size: int, sha256: str | None = None) -> str:
        gauge = Gauge(name, size, sha256)
        part = self.root / PARTS / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}-{os.getpid()}.part"
        with self._sentences("stored"):
            part.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:
                    async for chunk in chunks:
                        gauge.add(chunk)
                        await asyncio.to_thread(file.write, chunk)
                    gauge.check()
                    file.flush()
                    await asyncio.to_thread(os.fsync, file.fileno())
                _take_in(part, self.root / name)
            finally:
                part.unlink(missing_ok=True)
        return gauge.sha256

    async def describe(self, about: About) -> None:
        with self._sentences("described"):
            part = self.root / PARTS / f"about-{os.getpid()}.part"
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(about.model_dump_json(), encoding="utf-8")
            _take_in(part, self.root / about_name(about.name))

    async def remove(self, name: str) -> bool:
        with self._sentences("removed"):
            (self.root / about_name(name)).unlink(missing_ok=True)
            try:
                (self.root / name).unlink()
            except FileNotFoundError:
                return False
            return True

    @contextlib.contextmanager
    def _sentences(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else error.strerror or str(error)
            raise ModelError(f"Models in {self.root} cannot be {verb}: {reason}. Nothing was changed.") from error


def _raise_unless_missing(error: OSError) -> None:
    """What cannot be seen must not pass for what is not there."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _take_in(part: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part.chmod(0o644)
    part.replace(path)
