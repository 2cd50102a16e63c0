"""Marks of work that no other signal shows (a sync of models, a download): files that a living process has locked.

The lock goes with its process, however that ends; so a mark never lies.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def marked(folder: Path, name: str) -> Iterator[None]:
    """While this lasts, `name` is busy. Several processes may carry the same mark."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def busy(folder: Path) -> list[str]:
    """The names that are busy now, sorted."""
    return sorted(path.name for path in folder.glob("*") if _is_locked(path))


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
