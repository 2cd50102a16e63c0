"""The bytes of a stored file, or some of them, in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import BinaryIO

from wake_service.blobs.base import BlobStore, Shelved

#: What is read from the disk at once, in bytes: large enough that going to a thread for it costs next to nothing.
PIECE_BYTES = 1024 * 1024


async def read_range(blobs: BlobStore, sha256: str, start: int, stop: int) -> AsyncGenerator[bytes]:
    """The bytes of a blob from `start` up to `stop`; that they are there and whole is sure once this returns.

    Raises BlobMissing, BlobCorrupt, BlobArchived.
    """
    if isinstance(blobs, Shelved) and (path := await blobs.locate(sha256)) is not None:
        return _from_file(path, start, stop)
    return _cut(await blobs.open(sha256), start, stop)


async def _from_file(path: Path, start: int, stop: int) -> AsyncGenerator[bytes]:
    with await asyncio.to_thread(path.open, "rb", 0) as file:
        while start < stop and (piece := await asyncio.to_thread(_read, file, start, min(PIECE_BYTES, stop - start))):
            start += len(piece)
            yield piece


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


async def _cut(chunks: AsyncIterator[bytes], start: int, stop: int) -> AsyncGenerator[bytes]:
    position = 0
    async for chunk in chunks:
        piece = chunk[max(0, start - position) : stop - position]
        position += len(chunk)
        if piece:
            yield piece
        if position >= stop:
            break
