"""Where models come from: a listing, and bytes from any place in a file on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cloud_image.errors import ModelError

from .about import read_about
from .names import FOLDERS, about_name, is_name
from .plan import Remote

CHUNK_BYTES = 1024 * 1024


class ModelChanged(ModelError):
    """The model is not any more what the listing said; a new listing says what it is now."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was changed or removed at its source while it was read; it is looked up again.", passing=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """The models of a source; sentences about what is wrong there; names of models that are there and cannot be brought."""

    models: list[Remote]
    troubles: list[str]
    unclear: frozenset[str] = frozenset()


class Source(Protocol):
    """A store of models. Both calls may block, and raise ModelError."""

    def listing(self) -> Listing:
        """What is there now."""

    def read(self, model: Remote, start: int) -> Iterator[bytes]:
        """The bytes of a listed model from `start` on, in chunks. Raises ModelChanged when they are others by now."""


def as_remote(name: str, size: int, etag: str, added_at: float, about: bytes | None) -> Remote:
    """A model of a listing with what is known about it. Raises ValueError with a sentence when that is wrong."""
    if about is None:
        return Remote(name, size, f"unknown:{etag}", added_at, etag=etag)
    try:
        known = read_about(name, about)
    except ValueError as flaw:
        raise ValueError(
            f"{name} is not brought: what is written about it cannot be used ({flaw}), so nobody could tell whether it arrives "
            "whole. Add it again: wakebrush models add."
        ) from flaw
    if known.size != size:
        raise ValueError(
            f"{name} is not brought: it has {size:,} bytes, and had {known.size:,} when it was added. "
            "Add it again: wakebrush models add."
        )
    return Remote(name, size, known.sha256, known.added_at, known.sha256, etag, known.license, known.commercial)


class FolderSource:
    """A folder in ComfyUI's layout: a mount that all machines share, or another tier of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def listing(self) -> Listing:
        found: list[Remote] = []
        troubles: dict[str, str] = {}
        try:
            if not self._root.is_dir():
                raise ModelError(f"The models' folder {self._root} is not there. Is it mounted?", passing=True)
            for name, path in model_files(self._root):
                stat = path.stat()
                about = _read_or_none(self._root / about_name(name))
                try:
                    found.append(as_remote(name, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}", stat.st_mtime, about))
                except ValueError as trouble:
                    troubles[name] = str(trouble)
        except OSError as error:
            raise self._failed("listed", error) from error
        return Listing(found, list(troubles.values()), frozenset(troubles))

    def read(self, model: Remote, start: int) -> Iterator[bytes]:
        path = self._root / model.name
        try:
            with open(path, "rb", opener=_unnoticed) as file:
                file.seek(start)
                while chunk := file.read(CHUNK_BYTES):
                    self._check(path, model)
                    yield chunk
                self._check(path, model)
        except FileNotFoundError as error:
            raise ModelChanged(model.name) from error
        except OSError as error:
            raise self._failed("read", error) from error

    @staticmethod
    def _check(path: Path, model: Remote) -> None:
        stat = path.stat()
        if f"{stat.st_size}-{stat.st_mtime_ns}" != model.etag:
            raise ModelChanged(model.name)

    def _failed(self, verb: str, error: OSError) -> ModelError:
        passing = error.errno in (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN)
        return ModelError(f"Models in {self._root} cannot be {verb}: {error.strerror}.", passing=passing)


def _unnoticed(path: str, flags: int) -> int:
    """Opens a file so that its time of access stays as it is: what a sync reads, nobody has used."""
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:
        return os.open(path, flags)  # only its owner may; on somebody else's mount it doesn't matter


def model_files(root: Path) -> Iterator[tuple[str, Path]]:
    """All models below a folder in ComfyUI's layout, by name. Raises OSError for a folder that cannot be read: what cannot be
    seen must not pass for what is not there."""
    for folder in FOLDERS:
        for above, folders, files in os.walk(root / folder, onerror=_raise_unless_missing):
            folders.sort()
            for path in (Path(above, file) for file in sorted(files)):
                name = path.relative_to(root).as_posix()
                if is_name(name) and path.is_file():
                    yield name, path


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _read_or_none(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
