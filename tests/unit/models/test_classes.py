"""Which class a model is of: as the store says, and as it said last while it cannot be reached."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.unit.models.samples import MODEL, about
from wake_service.clock import ManualClock
from wake_service.errors import ModelError
from wake_service.models.classes import FILE, ModelClasses, barred_sentence, licence_of
from wake_service.models.store import Inventory, MemoryModels, ModelStore

BASE, UNET = "checkpoints/base.safetensors", "unet/flux.safetensors"
NEEDED = [("checkpoints", "base.safetensors"), ("loras", "nobody.safetensors")]


class Pauses(ManualClock):
    """A clock that tells when somebody begins to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self.pauses.put_nowait(seconds)
        await super().sleep(seconds)


class Broken(MemoryModels):
    async def inventory(self) -> Inventory:
        raise ModelError("the store cannot be reached")


async def store_with(**commercial: str) -> MemoryModels:
    store = MemoryModels()
    for name, word in commercial.items():
        model = {"base": BASE, "unet": UNET}[name]
        store.files[model] = MODEL
        await store.describe(about(model, commercial=word))
    return store


def classes_of(tmp_path: Path, store: ModelStore | None, clock: ManualClock | None = None) -> ModelClasses:
    return ModelClasses(tmp_path / FILE, clock or ManualClock(), lambda: store)


def names(classes: ModelClasses, *bars: str) -> list[str]:
    return [found.name for found in classes.barred(NEEDED, bars)]


async def test_a_model_of_a_barred_class_is_found_and_one_of_another_is_not(tmp_path: Path) -> None:
    classes = classes_of(tmp_path, await store_with(base="ask"))
    await classes.refresh()
    assert names(classes, "ask") == [BASE]
    assert names(classes, "no", "ask") == [BASE]
    assert names(classes, "no") == []
    assert names(classes) == []


async def test_an_older_name_of_a_folder_hides_no_model(tmp_path: Path) -> None:
    classes = classes_of(tmp_path, await store_with(unet="no"))
    await classes.refresh()
    assert classes.barred([("diffusion_models", "flux.safetensors")], ["no"])


async def test_what_nobody_knows_is_not_barred(tmp_path: Path) -> None:
    assert names(classes_of(tmp_path, None), "no", "ask") == []


@pytest.mark.parametrize("trouble", ["unreachable", "empty", "none"])
async def test_a_bar_holds_while_the_store_cannot_be_read(tmp_path: Path, trouble: str) -> None:
    await classes_of(tmp_path, await store_with(base="no")).refresh()
    later = classes_of(tmp_path, {"unreachable": Broken(), "empty": MemoryModels(), "none": None}[trouble])
    if trouble == "unreachable":
        with pytest.raises(ModelError):
            await later.refresh()
    else:
        await later.refresh()
    assert names(later, "no") == [BASE]


async def test_a_damaged_description_opens_no_bar(tmp_path: Path) -> None:
    store = await store_with(base="no")
    classes = classes_of(tmp_path, store)
    await classes.refresh()
    store.abouts[BASE] = b"{"
    await classes.refresh()
    assert names(classes, "no") == [BASE]


async def test_what_another_process_learns_is_known_here_at_once(tmp_path: Path) -> None:
    here = classes_of(tmp_path, None)
    assert names(here, "no") == []
    await classes_of(tmp_path, await store_with(base="no")).refresh()
    assert names(here, "no") == [BASE]


async def test_a_file_that_cannot_be_read_is_said_once_and_what_was_known_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    classes = classes_of(tmp_path, await store_with(base="no"))
    await classes.refresh()
    assert names(classes, "no") == [BASE]
    (tmp_path / FILE).write_text("{")
    assert names(classes, "no") == names(classes, "no") == [BASE]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


async def test_the_store_is_read_again_every_hour_whatever_happens(tmp_path: Path) -> None:
    clock, read = Pauses(), await store_with(base="no")
    stores: list[ModelStore] = [Broken(), read]
    classes = ModelClasses(tmp_path / FILE, clock, lambda: stores.pop(0))
    running = asyncio.ensure_future(classes.run())
    async with asyncio.timeout(10):
        assert await clock.pauses.get() == 3600
        assert names(classes, "no") == []
        await clock.advance(3600)
        assert await clock.pauses.get() == 3600
    assert names(classes, "no") == [BASE]
    running.cancel()


def test_the_sentence_names_model_and_licence() -> None:
    sentence = barred_sentence([about(BASE, commercial="no")])
    assert BASE in sentence and "MIT" in sentence and "no" in sentence


@pytest.mark.parametrize(
    ("known", "commercial", "name"),
    [
        (["yes"], "yes", "MIT"),
        (["yes", "ask"], "ask", "MIT"),
        (["ask", "no", "yes"], "no", "MIT"),
        (["yes", None], None, "MIT"),
        (["no", None], "no", "MIT"),
        ([None], None, ""),
        ([], None, ""),
    ],
)
def test_the_strictest_licence_is_told_and_what_is_not_known_is_not_free(
    known: list[str | None], commercial: str | None, name: str
) -> None:
    models = [None if each is None else about("checkpoints/a.safetensors", commercial=each) for each in known]
    assert licence_of(models) == {"name": name, "commercial": commercial}


def test_licences_that_are_equally_strict_are_all_named() -> None:
    models = [about(f"loras/{license}", commercial="ask", license=license) for license in ("openrail", "", "CC-BY-NC-4.0")]
    assert licence_of(models)["name"] == "CC-BY-NC-4.0, openrail"
