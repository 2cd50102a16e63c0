"""What she has set in the docker: stored between runs, restored at start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..client.config import KeyValueStore
from .observable import Observable, Property

LARGEST_SEED = 2**64 - 1


class PaintSettings(Observable):
    """The inputs of the next picture. `strength` in percent; `seed` '' picks one; region sizes in document pixels."""

    prompt = Property("", store=True)
    negative_prompt = Property("", store=True)
    style = Property("", store=True)
    strength = Property(70, store=True)
    seed = Property("", store=True)
    count = Property(1)
    grow = Property(0, store=True)
    feather = Property(16, store=True)
    padding = Property(64, store=True)
    full_view = Property(False, store=True)

    def __init__(self, store: KeyValueStore, defaults: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._store = store
        try:
            stored = {**(defaults or {}), **json.loads(store.read("paint") or "{}")}
        except ValueError:
            stored = dict(defaults or {})
        for name, each in self.properties().items():
            if each.store and isinstance(stored.get(name), type(each.default)):
                setattr(self, name, stored[name])

    def save(self) -> None:
        """Stores what outlives Krita."""
        values = {name: getattr(self, name) for name, each in self.properties().items() if each.store}
        self._store.write("paint", json.dumps(values, ensure_ascii=False))
