"""Input pictures on their way into the engine's folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import stat
from collections.abc import AsyncIterator
from pathlib import Path

from cloud_image.errors import MachineError

from .files import folder_below

#: What names match from end to end: no path, nothing hidden.
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
#: The folder for them below the engine's own, as LoadImage names it.
FOLDER = "wakebrush"
MIB = 1024 * 1024
BLOCK = MIB
#: How a name begins that is still being written; no picture's does.
DRAFT = ".draft-"


class BadName(MachineError):
    """The name is not plain."""


class OtherContent(MachineError):
    """The name is taken by another picture."""


class TooLong(MachineError):
    """The body is longer than an input may be."""


class Inputs:
    """The engine's input folder `root`. Pictures may have `max_mib`."""

    def __init__(self, root: Path, max_mib: int) -> None:
        self._root = root
        self._max = max_mib * MIB

    async def put(self, name: str, body: AsyncIterator[bytes]) -> str:
        """Writes a picture as it comes; the name for LoadImage. It is there whole or not at all.

        Raises BadName, TooLong, OtherContent, and OSError when the disk does not take it.
        """
        if not NAME.fullmatch(name):
            raise BadName("An input picture needs a plain file name.")
        with folder_below(self._root, (FOLDER,), make=True) as folder:
            draft = f"{DRAFT}{secrets.token_hex(8)}"
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o664, dir_fd=folder)
            try:
                os.fchmod(fd, 0o664)
                size = 0
                async for block in body:
                    size += len(block)
                    if size > self._max:
                        raise TooLong(f"An input picture may have {self._max // MIB} MiB.")
                    await _write(fd, block)
                if not await _place(folder, draft, name, fd, size):
                    raise OtherContent("Another picture of that name is there already.")
            finally:
                os.close(fd)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)
        return f"{FOLDER}/{name}"

    def sweep(self, before: float) -> None:
        """Removes inputs that nobody has written since `before` (epoch seconds), drafts of a crash among them; blocks.
        Raises OSError."""
        try:
            with folder_below(self._root, (FOLDER,)) as folder:
                for name in os.listdir(folder):  # noqa: PTH208  (an open folder)
                    about = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if stat.S_ISREG(about.st_mode) and about.st_mtime < before:
                        os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            return


async def _write(fd: int, block: bytes) -> None:
    """All of it; lets the loop breathe between blocks, which go to the page cache and do not wait for the disk."""
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view) :]
    await asyncio.sleep(0)


async def _place(folder: int, draft: str, name: str, fd: int, size: int) -> bool:
    """Gives the draft its name; false when that is another picture's."""
    try:
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        return True
    except FileExistsError:
        there = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    try:
        about = os.fstat(there)
        return stat.S_ISREG(about.st_mode) and about.st_size == size and await _same(fd, there)
    finally:
        os.close(there)


async def _same(one: int, other: int) -> bool:
    """Whether two files hold the same; both were read or written a moment ago, so this waits for no disk."""
    at = 0
    while block := os.pread(one, BLOCK, at):
        if block != os.pread(other, BLOCK, at):
            return False
        at += len(block)
        await asyncio.sleep(0)
    return True
