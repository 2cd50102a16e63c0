"""Again: the docker's fields, and the selection, are what a picture was made from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ..canvas.base import Canvas, Part
from ..canvas.rect import Rect
from ..journal import Journal
from ..qt import QImage, QObject, Signal
from .items import Item
from .lanes import Lanes
from .pictures import decode
from .recipe import Recipe
from .settings import PaintSettings
from .words import disk_notice

#: What the shape of a selection is called in the journal; it is not kept where that is a rectangle.
SELECTION = "selection"


class Again(QObject):
    """`told(Notice)`."""

    told = Signal(object)

    def __init__(self, lanes: Lanes, canvas: Canvas, journal: Journal, settings: PaintSettings) -> None:
        super().__init__()
        self._lanes, self._canvas, self._journal, self._settings = lanes, canvas, journal, settings

    def bring_back(self, recipe: Recipe, items: Iterable[Item], document_id: str | None) -> None:
        """Sets all that the recipe says. `items`: what there is; the selection has its shape again where the picture's own
        entry is among them, and its bounds where not."""
        settings = self._settings
        settings.prompt, settings.negative_prompt = recipe.prompt, recipe.negative
        settings.style = recipe.style or settings.style
        settings.seed = "" if recipe.seed is None else str(recipe.seed)
        if recipe.plan:
            settings.take(recipe.plan_settings)
        if recipe.selected is None or document_id is None:
            return
        item = next((each for each in items if _made_by(recipe, each)), None)
        select = partial(self._select, document_id, Rect(*recipe.selected))
        if item is None:
            select(())
        else:
            self._lanes.run("peek", partial(shape_of, self._journal, item), select, self._not_read)

    def _select(self, document_id: str, bounds: Rect, shape: tuple[Part, ...]) -> None:
        if self._canvas.active_document() == document_id:
            self._canvas.select(bounds, shape)

    def _not_read(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))


def shape_of(journal: Journal, item: Item) -> tuple[Part, ...]:
    """What was selected in each of its regions, Grayscale8; nothing unless all of it is still on disk. For worker threads."""
    found = []
    for piece in item.pieces:
        content, area = journal.picture(piece.entry.key, SELECTION), Rect(*piece.entry.area)
        try:
            image = decode(content or b"").convertToFormat(QImage.Format.Format_Grayscale8)
        except ValueError:
            return ()
        if (image.width(), image.height()) != (area.width, area.height):
            return ()
        found.append((image, area))
    return tuple(found)


def _made_by(recipe: Recipe, item: Item) -> bool:
    first = item.pieces[0]
    return recipe.job is not None and (recipe.job, recipe.n) == (first.entry.job_id, first.mark.n)
