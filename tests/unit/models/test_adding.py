"""Adding a model: what is taken, where it goes, and a sentence for everything that is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.models.samples import MODEL, SHA256, about, incoming, safetensors
from wake_service.errors import ModelError
from wake_service.models.about import Commercial
from wake_service.models.adding import Wish, add
from wake_service.models.store import MemoryModels

WISH = Wish("openrail++", Commercial.YES)
BASE = "checkpoints/base.safetensors"


@pytest.fixture
def store() -> MemoryModels:
    return MemoryModels()


async def test_a_checkpoint_goes_where_its_tensors_say_with_all_that_is_known(store: MemoryModels) -> None:
    added = await add(store, incoming(), WISH, 100.0)
    expected = about(BASE, license="openrail++", added_at=100.0)
    assert (added.about, added.stored) == (expected, True)
    assert store.files == {BASE: MODEL}
    assert [entry.about for entry in (await store.inventory()).entries] == [expected]


async def test_folder_and_name_may_be_said(store: MemoryModels) -> None:
    await add(store, incoming(), replace(WISH, folder="unet", file="mine.sft"), 100.0)
    assert list(store.files) == ["unet/mine.sft"]


async def test_the_same_file_again_is_not_stored_again_and_a_licence_can_be_corrected(store: MemoryModels) -> None:
    known = replace(WISH, sha256=SHA256)
    await add(store, incoming(), known, 100.0)
    store.files[BASE] = MODEL  # the same object, to see below whether it was written anew
    before = store.files[BASE]
    again = await add(store, incoming(), replace(known, license="MIT", commercial=Commercial.NO), 200.0)
    assert not again.stored and store.files[BASE] is before
    (entry,) = (await store.inventory()).entries
    assert entry.about == about(BASE, commercial="no", added_at=100.0)


async def test_another_file_of_the_same_name_needs_to_be_asked_for(store: MemoryModels) -> None:
    await add(store, incoming(), WISH, 100.0)
    other = safetensors(*("model.diffusion_model.a", "first_stage_model.a", "cond_stage_model.a"))
    with pytest.raises(ModelError, match="--replace"):
        await add(store, incoming(other), WISH, 200.0)
    assert store.files == {BASE: MODEL}
    await add(store, incoming(other), replace(WISH, replace=True), 200.0)
    assert store.files == {BASE: other}


async def test_one_that_nobody_described_is_taken_for_this_one_if_it_is_as_large(store: MemoryModels) -> None:
    store.files[BASE] = MODEL
    assert (await add(store, incoming(), WISH, 100.0)).about.sha256 == SHA256
    store.files[BASE], store.abouts = MODEL + b"x", {}
    with pytest.raises(ModelError, match="--replace"):
        await add(store, incoming(), WISH, 100.0)


@pytest.mark.parametrize("file", ["old.ckpt", "old.pt", "OLD.PTH", "x.bin", "x.pkl"])
async def test_a_pickle_is_taken_only_from_who_is_trusted(store: MemoryModels, file: str) -> None:
    wish = replace(WISH, folder="checkpoints")
    with pytest.raises(ModelError, match="--trust-pickle"):
        await add(store, incoming(b"\x80\x02.", file), wish, 100.0)
    assert store.files == {}
    await add(store, incoming(b"\x80\x02.", file), replace(wish, trust_pickle=True), 100.0)
    assert list(store.files) == [f"checkpoints/{file}"]


@pytest.mark.parametrize(
    ("data", "file", "words"),
    [
        (b"PK\x03\x04" + b"x" * 60, "x.safetensors", "pickle"),
        (b"<html>", "x.safetensors", "ends before"),
        (MODEL[:-3], "x.safetensors", "not whole"),
        (b"nope", "x.gguf", "no GGUF"),
        (b"hello", "readme.txt", "none of the files"),
        (b"hello", "noending", "none of the files"),
        (MODEL, ".safetensors", "none of the files"),
        (MODEL, "a/b.safetensors", "without a path"),
        (safetensors("of.my.own"), "x.safetensors", "--folder"),
        (b"GGUF1234", "x.gguf", "--folder"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_changes_nothing(
    store: MemoryModels, data: bytes, file: str, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        await add(store, incoming(data, file), WISH, 100.0)
    assert (store.files, store.abouts) == ({}, {})


async def test_a_file_that_arrives_shorter_than_it_was_said_to_be_is_not_kept(store: MemoryModels) -> None:
    wish = replace(WISH, folder="unet")
    with pytest.raises(ModelError, match="broke off"):
        await add(store, incoming(b"GGUF" + b"x" * 50, "x.gguf", size=90), wish, 100.0)
    with pytest.raises(ModelError, match="promised"):
        await add(store, incoming(), replace(WISH, sha256="0" * 64), 100.0)
    assert store.files == {}
