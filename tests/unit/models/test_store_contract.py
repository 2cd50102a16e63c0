"""What every store of models promises (wake_service/models/store.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.s3 import cloud, in_memory_aws
from tests.unit.models.samples import MODEL, SHA256, about, stream
from wake_service.errors import ModelError
from wake_service.models.folder_store import FolderModels
from wake_service.models.names import about_name
from wake_service.models.s3_store import S3Models
from wake_service.models.store import MemoryModels, ModelStore

BASE, LORA = "checkpoints/base.safetensors", "loras/ink/fine.safetensors"


class MemoryWorld:
    def __init__(self) -> None:
        self.memory = MemoryModels()
        self.store: ModelStore = self.memory

    def write_about(self, name: str, text: bytes) -> None:
        self.memory.abouts[name] = text


class FolderWorld:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.store: ModelStore = FolderModels(root)

    def write_about(self, name: str, text: bytes) -> None:
        (self.root / about_name(name)).write_bytes(text)


class S3World:
    def __init__(self, part_bytes: int) -> None:
        self.aws = in_memory_aws()
        self.aws.client("s3").create_bucket(Bucket="studio")
        self.store: ModelStore = S3Models(self.aws, "studio", part_bytes=part_bytes)

    def write_about(self, name: str, text: bytes) -> None:
        self.aws.client("s3").put_object(Bucket="studio", Key=f"models/{about_name(name)}", Body=text)


World = MemoryWorld | FolderWorld | S3World


@pytest.fixture(params=["memory", "folder", "s3", "s3 in parts"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
    elif request.param == "folder":
        yield FolderWorld(tmp_path / "models")
    else:
        with cloud(monkeypatch):
            yield S3World(part_bytes=100 if request.param == "s3 in parts" else 10_000)


@pytest.fixture
def store(world: World) -> ModelStore:
    return world.store


async def names(store: ModelStore) -> list[str]:
    return [entry.name for entry in (await store.inventory()).entries]


async def test_a_store_is_empty_before_the_first_model(store: ModelStore) -> None:
    assert (await store.inventory()).entries == []


async def test_what_is_put_and_described_is_listed(store: ModelStore) -> None:
    assert await store.put(BASE, stream(MODEL), len(MODEL)) == SHA256
    await store.put(LORA, stream(MODEL), len(MODEL), SHA256)
    await store.describe(about(LORA, commercial="no"))
    base, lora = (await store.inventory()).entries
    assert (base.name, base.size, base.about) == (BASE, len(MODEL), None)
    assert (lora.name, lora.about) == (LORA, about(LORA, commercial="no"))


async def test_a_model_that_breaks_off_leaves_the_one_that_is_there(store: ModelStore) -> None:
    await store.put(BASE, stream(MODEL), len(MODEL))
    for data, size, words in ((MODEL[:50], 90, "broke off"), (MODEL, 90, "more than"), (b"", 10, "broke off")):
        with pytest.raises(ModelError, match=f"{BASE}.*{words}"):
            await store.put(BASE, stream(data, 20), size)
    (entry,) = (await store.inventory()).entries
    assert entry.size == len(MODEL)


async def test_a_model_that_is_not_what_was_promised_is_not_kept(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="not what was promised"):
        await store.put(BASE, stream(MODEL), len(MODEL), "0" * 64)
    assert await names(store) == []


async def test_a_source_that_fails_is_not_hidden_and_leaves_nothing(store: ModelStore) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield MODEL[:150]
        raise ModelError("the server said nothing for a minute")

    with pytest.raises(ModelError, match="said nothing"):
        await store.put(BASE, failing(), len(MODEL))
    assert await names(store) == []
    await store.put(BASE, stream(MODEL), len(MODEL), SHA256)
    assert await names(store) == [BASE]


async def test_a_new_version_takes_the_place_of_the_old_one(store: ModelStore) -> None:
    await store.put(BASE, stream(MODEL), len(MODEL))
    await store.describe(about(BASE))
    await store.put(BASE, stream(MODEL + b"x"), len(MODEL) + 1)
    inventory = await store.inventory()
    assert [(entry.size, entry.about) for entry in inventory.entries] == [(len(MODEL) + 1, None)]
    assert BASE in inventory.troubles[0]


async def test_what_is_removed_is_gone_with_its_description(store: ModelStore) -> None:
    await store.put(BASE, stream(MODEL), len(MODEL))
    await store.describe(about(BASE))
    assert await store.remove(BASE) is True
    assert await store.remove(BASE) is False
    await store.put(BASE, stream(MODEL), len(MODEL))
    assert [entry.about for entry in (await store.inventory()).entries] == [None]


async def test_a_damaged_description_is_a_sentence_and_the_model_is_listed_without(world: World) -> None:
    await world.store.put(BASE, stream(MODEL), len(MODEL))
    await world.store.describe(about(BASE))
    world.write_about(BASE, b"{")
    inventory = await world.store.inventory()
    assert [entry.about for entry in inventory.entries] == [None]
    assert BASE in inventory.troubles[0]
    assert inventory.find(BASE) is not None and inventory.find(LORA) is None
