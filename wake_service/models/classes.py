"""Which class each model is of, as last read from the store; and which of a style's models a team has barred."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from wake_service.clock import Clock
from wake_service.errors import ModelError, SetupError
from wake_service.models.about import About, Commercial
from wake_service.models.names import same_model
from wake_service.models.store import Inventory, ModelStore

log = logging.getLogger(__name__)

#: How often the store is read, in seconds. What `wakebrush models` changes here is known at once.
_EVERY = 3600.0
#: In the data folder: what was read last, so that a bar holds while the store cannot be reached.
FILE = "models.json"


class _Kept(BaseModel):
    models: list[About] = []


class ModelClasses:
    """What is known about the models of the pool. A model that nobody has described is of no class, and never barred."""

    def __init__(self, file: Path, clock: Clock, open_store: Callable[[], ModelStore | None]) -> None:
        self._file = file
        self._clock = clock
        self._open_store = open_store
        self._known: dict[str, About] = {}
        self._stamp: tuple[int, int] | None = None

    def barred(self, needed: Iterable[tuple[str, str]], bars: Collection[str]) -> list[About]:
        """Those of the models (folder, file) that are of a barred class."""
        if not bars:
            return []
        self._look()
        found = (self._known.get(same_model(f"{folder}/{file}")) for folder, file in needed)
        return [about for about in found if about is not None and about.commercial in bars]

    def about(self, folder: str, file: str) -> About | None:
        """What is known about a model; None when nobody has described it."""
        self._look()
        return self._known.get(same_model(f"{folder}/{file}"))

    def _look(self) -> None:
        """Reads the file when it is another than last time."""
        try:
            stat = self._file.stat()
            if (stamp := (stat.st_mtime_ns, stat.st_ino)) == self._stamp:
                return
            self._stamp = stamp
            kept = _Kept.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            log.error("%s cannot be read; what was known about models before still holds: %s", self._file, error)
            return
        self._known = {same_model(about.name): about for about in kept.models}

    def keep(self, inventory: Inventory) -> None:
        """Writes down what is in the store now; of a model whose description is damaged, what was known before. Raises
        ModelError."""
        self._look()
        found = (entry.about or self._known.get(same_model(entry.name)) for entry in inventory.entries)
        kept = _Kept(models=[about for about in found if about is not None])
        part = self._file.with_name(f"{self._file.name}.part")
        try:
            part.write_text(kept.model_dump_json(), encoding="utf-8")
            part.replace(self._file)
        except OSError as error:
            raise ModelError(f"{self._file} cannot be written: {error.strerror or error}.") from error

    async def refresh(self) -> None:
        """Reads the store. Raises ModelError or SetupError; then what was known before still holds."""
        store = await asyncio.to_thread(self._open_store)
        if store is None:
            return
        inventory = await store.inventory()
        for sentence in inventory.troubles:
            log.warning("%s", sentence)
        if inventory.entries:  # a folder that is not mounted looks empty, too
            await asyncio.to_thread(self.keep, inventory)

    async def run(self) -> None:
        """Reads the store now, and again every hour, for ever."""
        while True:
            try:
                await self.refresh()
            except (ModelError, SetupError) as error:
                log.warning("What is known about models could not be read anew: %s", error)
            await self._clock.sleep(_EVERY)


def barred_sentence(barred: Collection[About]) -> str:
    """Why a team may not paint with these."""
    named = ", ".join(
        f"{about.name} ({about.license or 'no licence named'}, commercial use: {about.commercial})" for about in barred
    )
    return f"Your team does not paint with models under such a licence: {named}."


def licence_of(models: Collection[About | None]) -> dict[str, str | None]:
    """The strictest of some models' licences: `commercial` is None where nothing forbids it and one is not described."""
    for commercial in (Commercial.NO, Commercial.ASK):
        if names := sorted({about.license for about in models if about and about.commercial is commercial}):
            return {"name": ", ".join(filter(None, names)), "commercial": commercial}
    names = sorted({about.license for about in models if about})
    known = bool(models) and None not in models
    return {"name": ", ".join(filter(None, names)), "commercial": Commercial.YES if known else None}
