"""A result as a PNG file where she wants it, with its recipe in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..i18n import tr
from .items import Item
from .lanes import Lanes
from .prepared import Prepared, together
from .recipe import write_png
from .showing import Showing
from .words import Notice


def save_png(showing: Showing, lanes: Lanes, item: Item, path: str, told: Callable[[Notice], None]) -> None:
    """Writes the file as soon as the picture is decoded; what goes wrong is told."""

    def save(prepared: Prepared) -> None:
        def write() -> None:
            Path(path).write_bytes(write_png(together(prepared.parts, item.bounds), item.recipe))

        lanes.run("encode", write, failed=lambda error: told(_unsaved(path, error)))

    showing.prepare(item, save, lambda: None)


def _unsaved(path: str, error: Exception) -> Notice:
    reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return Notice(
        tr("“{name}” could not be saved ({reason}).", name=Path(path).name, reason=reason),
        tr("The picture is still among your results. Save it somewhere else."),
    )
