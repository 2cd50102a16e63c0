"""What she has set in the docker: stored between runs, restored at start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..client.store import KeyValueStore
from .observable import Property
from .region_settings import RegionSettings

LARGEST_SEED = 2**64 - 1


class PaintSettings(RegionSettings):
    """The inputs of the next picture. `seed` '' picks one."""

    prompt = Property("", store=True)
    negative_prompt = Property("", store=True)
    style = Property("", store=True)
    seed = Property("", store=True)
    count = Property(1)
    full_view = Property(False, store=True)
    #: Results become layers as soon as they arrive.
    apply_at_once = Property(False, store=True)
    #: Pictures in the making are drawn over the canvas.
    previews_on_canvas = Property(True, store=True)
    #: The most that results may add to her file, in MiB.
    history_megabytes = Property(8, store=True)
    #: Words are offered while she types.
    completion = Property(True, store=True)
    #: A prompt typed or a selection made wakes a machine.
    wake_on_intent = Property(False, store=True)
    #: The month's cost is shown from 80 % of the budget on only.
    quiet_budget = Property(False, store=True)
    #: While everything sleeps, the button puts ideas aside.
    gather = Property(False, store=True)

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

    def default(self, name: str) -> Any:
        """What a property is before she has set anything."""
        return self.properties()[name].default

    def save(self) -> None:
        """Stores what outlives Krita."""
        values = {name: getattr(self, name) for name, each in self.properties().items() if each.store}
        self._store.write("paint", json.dumps(values, ensure_ascii=False))
