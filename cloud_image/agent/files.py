"""Files that others may have had their hands on: read, written and removed without following anybody's link.

The engine's user owns its folders. A link put there must lead the agent, which may read more than the engine, nowhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@contextmanager
def folder_below(root: Path, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """An open folder below `root`, which itself may be a link; with `make` it is made. Raises OSError."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o775, dir_fd=fd)
            below = os.open(part, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def open_below(root: Path, relative: str) -> int:
    """A plain file below `root`, open for reading; the caller closes it. Raises OSError, also for what is no plain file."""
    *folders, name = plain_parts(relative)
    with folder_below(root, tuple(folders)) as folder:
        fd = os.open(name, os.O_RDONLY | _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(f"{relative} is no plain file")
    return fd


def remove_below(root: Path, relative: str) -> None:
    """Removes a file below `root`; one that is gone already is fine. Raises OSError."""
    *folders, name = plain_parts(relative)
    with contextlib.suppress(FileNotFoundError), folder_below(root, tuple(folders)) as folder:
        os.unlink(name, dir_fd=folder)


def plain_parts(relative: str) -> tuple[str, ...]:
    """The parts of a path that leads down only. Raises FileNotFoundError for any other."""
    parts = PurePosixPath(relative).parts
    if not parts or relative.startswith("/") or ".." in parts or "\0" in relative or "\\" in relative:
        raise FileNotFoundError(f"{relative!r} leads nowhere")
    return parts


def read_fields(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None when there is no file. Raises OSError, and ValueError for what is no object."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError(f"{path} holds no JSON object")
    return fields
