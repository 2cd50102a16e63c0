"""What every blob store promises (wake_service/blobs/base.py)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.support.s3 import cloud, in_memory_aws
from wake_service.blobs.base import BlobInfo, BlobMissing, BlobStore, BlobTooLarge, ChecksumMismatch
from wake_service.blobs.folder import FolderBlobs
from wake_service.blobs.memory import MemoryBlobs
from wake_service.blobs.s3 import S3Blobs
from wake_service.blobs.s3_upload import PART_BYTES
from wake_service.errors import BlobCorrupt, StorageError, StorageFull

PICTURE = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(PICTURE).hexdigest()
NOTHING = hashlib.sha256(b"").hexdigest()


class MemoryWorld:
    def store(self, capacity: int | None = None) -> BlobStore:
        self._store = MemoryBlobs(capacity=capacity)
        return self._store

    def corrupt(self, sha256: str) -> None:
        self._store.corrupt(sha256)


class FolderWorld:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, capacity: int | None = None) -> BlobStore:
        if capacity is None:
            return FolderBlobs(self.folder)
        return FolderBlobs(self.folder, min_free_bytes=1000, free=lambda folder: 1000 + capacity - used(folder))

    def corrupt(self, sha256: str) -> None:
        (path,) = self.folder.rglob(sha256)
        path.write_bytes(b"!" + path.read_bytes()[1:])


class S3World:
    """A bucket in a stand-in for S3, in this process. `part_bytes` decides from what size on blobs travel in parts."""

    def __init__(self, part_bytes: int) -> None:
        self.aws = in_memory_aws()
        self.part_bytes = part_bytes
        self.aws.client("s3").create_bucket(Bucket="pictures")

    def store(self, capacity: int | None = None) -> BlobStore:
        assert capacity is None, "S3 has no room to run out of"
        return S3Blobs(self.aws, "pictures", prefix="wakebrush/blobs/", part_bytes=self.part_bytes)

    def corrupt(self, sha256: str) -> None:
        key = f"wakebrush/blobs/{sha256[:2]}/{sha256}"
        client = self.aws.client("s3")
        changed = b"!" + client.get_object(Bucket="pictures", Key=key)["Body"].read()[1:]
        client.put_object(Bucket="pictures", Key=key, Body=changed, ChecksumAlgorithm="SHA256")


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


World = MemoryWorld | FolderWorld | S3World


@pytest.fixture(params=["memory", "folder", "s3", "s3 in parts"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if not request.param.startswith("s3"):
        yield local_world(request.param, tmp_path)
        return
    with cloud(monkeypatch):
        yield S3World(part_bytes=500_000 if request.param == "s3 in parts" else PART_BYTES)


@pytest.fixture(params=["memory", "folder"])
def bounded(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A world that can run out of room."""
    return local_world(request.param, tmp_path)


def local_world(kind: str, tmp_path: Path) -> World:
    return MemoryWorld() if kind == "memory" else FolderWorld(tmp_path / "blobs")


@pytest.fixture
def store(world: World) -> BlobStore:
    return world.store()


async def chunks(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


async def drain(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize("given", [bytes, chunks], ids=["whole", "streamed"])
async def test_what_is_put_is_got_back(store: BlobStore, given: Callable[[bytes], bytes | AsyncIterator[bytes]]) -> None:
    assert await store.put(given(PICTURE), sha256=SHA256, max_bytes=len(PICTURE)) == BlobInfo(SHA256, len(PICTURE))
    assert await store.get(SHA256) == PICTURE
    assert await drain(await store.open(SHA256)) == PICTURE
    assert (await store.exists(SHA256), await store.size(SHA256)) == (True, len(PICTURE))


@pytest.mark.parametrize(("given", "promised"), [(bytes, SHA256), (bytes, None), (chunks, SHA256), (chunks, None)])
async def test_nothing_is_found_under_its_name_before_that_is_ready(
    store: BlobStore, given: Callable[[bytes], bytes | AsyncIterator[bytes]], promised: str | None
) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    names: list[str] = []

    async def told(sha256: str) -> None:
        names.append(sha256)
        await ready

    putting = asyncio.ensure_future(store.put(given(PICTURE), sha256=promised, ready=told))
    for _ in range(20):
        assert not await store.exists(SHA256)
        await asyncio.sleep(0.005)
    assert not putting.done()
    ready.set_result(None)
    await putting
    assert await store.get(SHA256) == PICTURE
    assert names == [SHA256]


async def test_what_is_never_ready_is_not_kept(store: BlobStore) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ready.set_exception(StorageError("The database cannot be written."))
    with pytest.raises(StorageError, match="database"):
        await store.put(PICTURE, ready=lambda _: ready)
    assert not await store.exists(SHA256)


async def test_the_checksum_need_not_be_known_before(store: BlobStore) -> None:
    assert (await store.put(PICTURE)).sha256 == SHA256


async def test_putting_again_is_fine(store: BlobStore) -> None:
    assert await store.put(PICTURE) == await store.put(PICTURE, sha256=SHA256)


async def test_many_puts_of_the_same_at_once_are_fine(store: BlobStore) -> None:
    infos = await asyncio.gather(*(store.put(chunks(PICTURE, 100_000), sha256=SHA256) for _ in range(8)))
    assert set(infos) == {BlobInfo(SHA256, len(PICTURE))}
    assert await store.get(SHA256) == PICTURE


async def test_nothing_is_a_blob_too(store: BlobStore) -> None:
    assert await store.put(b"") == BlobInfo(NOTHING, 0)
    assert await drain(await store.open(NOTHING)) == b""


async def test_what_was_never_put_is_missing(store: BlobStore) -> None:
    assert not await store.exists(SHA256)
    for call in (store.get, store.open, store.size):
        with pytest.raises(BlobMissing, match=SHA256):
            await call(SHA256)


async def test_what_is_deleted_is_missing(store: BlobStore) -> None:
    await store.put(PICTURE)
    assert await store.delete(SHA256) is True
    assert await store.delete(SHA256) is False
    with pytest.raises(BlobMissing):
        await store.get(SHA256)


async def test_bytes_that_are_not_those_promised_are_not_kept(store: BlobStore) -> None:
    with pytest.raises(ChecksumMismatch) as caught:
        await store.put(PICTURE[1:], sha256=SHA256)
    assert caught.value.expected == SHA256
    assert not await store.exists(SHA256) and not await store.exists(caught.value.actual)


@pytest.mark.parametrize("given", [bytes, chunks], ids=["whole", "streamed"])
async def test_more_bytes_than_allowed_are_not_kept(
    store: BlobStore, given: Callable[[bytes], bytes | AsyncIterator[bytes]]
) -> None:
    with pytest.raises(BlobTooLarge, match="1,279,999 bytes"):
        await store.put(given(PICTURE), max_bytes=len(PICTURE) - 1)
    assert not await store.exists(SHA256)


async def test_a_stream_that_breaks_leaves_nothing(store: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PICTURE
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put(broken())
    assert not await store.exists(SHA256)


async def test_a_store_that_is_full_says_so_and_keeps_what_it_has(bounded: World) -> None:
    store = bounded.store(capacity=len(PICTURE) + 10)
    await store.put(PICTURE)
    for given in (b"x" * 11, chunks(b"x" * 11)):
        with pytest.raises(StorageFull):
            await store.put(given)
    assert not await store.exists(hashlib.sha256(b"x" * 11).hexdigest())
    assert await store.get(SHA256) == PICTURE
    assert await store.free_bytes() == 10
    await store.put(b"x" * 10)


async def test_deleting_makes_room(bounded: World) -> None:
    store = bounded.store(capacity=len(PICTURE))
    await store.put(PICTURE)
    await store.delete(SHA256)
    assert (await store.put(b"x")).size == 1


async def test_a_blob_that_changed_on_its_own_is_never_handed_out(world: World) -> None:
    store = world.store()
    await store.put(PICTURE)
    world.corrupt(SHA256)
    for call in (store.get, store.open):
        with pytest.raises(BlobCorrupt, match="has changed"):
            await call(SHA256)


async def test_putting_it_again_mends_a_corrupt_blob(world: World) -> None:
    store = world.store()
    await store.put(PICTURE)
    world.corrupt(SHA256)
    await store.put(PICTURE, sha256=SHA256)
    assert await store.get(SHA256) == PICTURE


@pytest.mark.parametrize("name", ["", "abc", SHA256.upper(), "../" + SHA256[3:], SHA256 + "\n", "/" * 64])
async def test_only_a_checksum_names_a_blob(store: BlobStore, name: str) -> None:
    for call in (store.get, store.open, store.size, store.exists, store.delete):
        with pytest.raises(ValueError, match="64 lower-case hexadecimal digits"):
            await call(name)
    with pytest.raises(ValueError, match="64 lower-case hexadecimal digits"):
        await store.put(PICTURE, sha256=name)
