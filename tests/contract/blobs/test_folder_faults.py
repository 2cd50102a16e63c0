"""What the folder of blobs promises besides: about files, full disks, power cuts and killed services."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from wake_service.blobs import incoming as incoming_module
from wake_service.blobs.base import BlobMissing
from wake_service.blobs.folder import FolderBlobs
from wake_service.errors import BlobCorrupt, StorageError, StorageFull

PICTURE = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(PICTURE).hexdigest()
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_lies_under_its_checksum_and_nobody_else_can_read_it(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    asyncio.run(FolderBlobs(folder).put(PICTURE))
    path = folder / SHA256[:2] / SHA256
    assert files(folder) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, path.parent, folder / "incoming")} == {0o700}


async def test_leftovers_of_a_power_cut_are_swept_at_start_and_blobs_stay(folder: Path) -> None:
    await FolderBlobs(folder).put(PICTURE)
    (folder / "incoming" / "tmp1").write_bytes(b"half a pict")
    store = FolderBlobs(folder)
    assert [path.name for path in files(folder)] == [SHA256]
    assert await store.get(SHA256) == PICTURE


async def test_bytes_name_and_folders_reach_the_disk_before_a_put_returns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in which the disk is told, so that a power cut finds all of it or nothing."""
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def note_sync(handle: int) -> None:
        synced = Path(f"/proc/self/fd/{handle}").readlink().relative_to(folder)
        steps.append("sync the file" if synced.parts[:1] == ("incoming",) else f"sync {synced}")
        sync(handle)

    def note_rename(self: Path, target: Path) -> Path:
        steps.append(f"rename to {target.relative_to(folder)}")
        return rename(self, target)

    store = FolderBlobs(folder)
    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    await store.put(PICTURE)
    assert steps == ["sync the file", f"rename to {SHA256[:2]}/{SHA256}", f"sync {SHA256[:2]}"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_a_disk_that_runs_full_in_the_middle_leaves_nothing_half_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    store = FolderBlobs(folder)

    def full(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(incoming_module.os, call, full)
        with pytest.raises(StorageFull, match="nothing of this picture was kept"):
            await store.put(PICTURE)
    assert files(folder) == []
    await store.put(PICTURE)
    assert await store.get(SHA256) == PICTURE


def test_a_real_limit_of_the_system_is_met_with_nothing_half_written(folder: Path) -> None:
    """RLIMIT_FSIZE makes the kernel itself cut the write short, as a full disk does."""
    code = (
        "import asyncio, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from wake_service.blobs.folder import FolderBlobs\n"
        "from wake_service.errors import StorageFull\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try:\n"
        "    asyncio.run(FolderBlobs(Path(sys.argv[1])).put(bytes(1_000_000)))\n"
        "except StorageFull as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "The disk of the service is full; nothing of this picture was kept.\n"
    assert files(folder) == []


async def test_another_error_of_the_disk_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderBlobs(folder)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(incoming_module.os, "write", broken)
        with pytest.raises(StorageError, match=r"^The picture could not be stored: Input/output error\.$"):
            await store.put(PICTURE)
    assert files(folder) == []


async def test_a_folder_that_vanished_is_a_sentence(folder: Path) -> None:
    store = FolderBlobs(folder)
    (folder / "incoming").rmdir()
    with pytest.raises(StorageError, match="could not be stored"):
        await store.put(PICTURE)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be opened"):
        FolderBlobs(tmp_path / "file" / "blobs")


async def test_an_upload_that_is_called_off_leaves_nothing(folder: Path) -> None:
    store = FolderBlobs(folder)
    written = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield PICTURE
        written.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(store.put(endless()))
    await asyncio.wait_for(written.wait(), 30)
    assert len(files(folder)) == 1
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files(folder) == []


async def test_calling_off_in_the_middle_of_a_write_waits_for_it_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderBlobs(folder)
    begun, go_on = threading.Event(), threading.Event()
    write: Callable[[int, bytes], int] = os.write

    def slow(handle: int, data: bytes) -> int:
        begun.set()
        assert go_on.wait(30)
        return write(handle, data)

    monkeypatch.setattr(incoming_module.os, "write", slow)
    upload = asyncio.create_task(store.put(PICTURE))
    assert await asyncio.to_thread(begun.wait, 30)
    upload.cancel()
    done, _ = await asyncio.wait({upload}, timeout=0.1)
    go_on.set()
    assert not done, "a file that is being written to must not be closed"
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files(folder) == []


def test_a_service_killed_in_the_middle_of_an_upload_leaves_nothing_behind(folder: Path) -> None:
    code = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from wake_service.blobs.folder import FolderBlobs\n"
        "async def picture():\n"
        "    yield bytes(3_000_000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "    yield b''\n"
        "asyncio.run(FolderBlobs(Path(sys.argv[1])).put(picture()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=REPOSITORY, check=False, timeout=60)
    assert done.returncode == -9 and len(files(folder)) == 1
    FolderBlobs(folder)
    assert files(folder) == []


async def test_a_file_is_handed_out_by_its_path_only_once_its_bytes_were_checked(folder: Path) -> None:
    store = FolderBlobs(folder)
    await store.put(PICTURE)
    path = await store.locate(SHA256)
    assert path.read_bytes() == PICTURE
    path.write_bytes(b"!" + PICTURE[1:])
    for each in (store, FolderBlobs(folder)):
        with pytest.raises(BlobCorrupt):
            await each.locate(SHA256)
    with pytest.raises(BlobMissing):
        await store.locate("0" * 64)


async def test_bytes_are_read_for_checking_once_and_not_every_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await FolderBlobs(folder).put(PICTURE)
    store, checks = FolderBlobs(folder), []
    monkeypatch.setattr(store, "_verify", checks.append)
    await store.locate(SHA256)
    await store.locate(SHA256)
    assert checks == [SHA256]
