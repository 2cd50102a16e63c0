"""Stored bytes, whole or in part, from a store that has files and from one that has not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wake_service.blobs.base import BlobMissing, BlobStore
from wake_service.blobs.folder import FolderBlobs
from wake_service.blobs.memory import MemoryBlobs
from wake_service.files import reading
from wake_service.files.reading import read_range

CONTENT = bytes(n % 251 for n in range(10_000))


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return FolderBlobs(tmp_path) if request.param == "folder" else MemoryBlobs()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, len(CONTENT)), stop=st.integers(0, len(CONTENT)), piece=st.sampled_from([1000, 3333, 1 << 20]))
async def test_exactly_what_was_asked_for_comes(blobs: BlobStore, start: int, stop: int, piece: int) -> None:
    info = await blobs.put(CONTENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PIECE_BYTES", piece)
        pieces = [got async for got in await read_range(blobs, info.sha256, start, stop)]
    assert b"".join(pieces) == CONTENT[start:stop]


async def test_what_is_missing_is_known_before_the_first_byte(blobs: BlobStore) -> None:
    with pytest.raises(BlobMissing):
        await read_range(blobs, "0" * 64, 0, 1)


async def test_whoever_stops_reading_leaves_no_file_open(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    info = await blobs.put(CONTENT)
    pieces = await read_range(blobs, info.sha256, 0, len(CONTENT))
    await anext(pieces)
    await pieces.aclose()
    assert info.sha256 not in open_files()


def open_files() -> str:
    """What this process has open."""
    handles = [handle for handle in Path("/proc/self/fd").iterdir() if handle.is_symlink()]
    return " ".join(str(handle.readlink()) for handle in handles)
