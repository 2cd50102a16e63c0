"""Which results are layers: she may have undone, redone or deleted one since it was applied. Values only."""

from __future__ import annotations

from collections.abc import Iterable

from .items import Item
from .recipe import parse


def changed(items: Iterable[Item], recipes: Iterable[str]) -> list[Item]:
    """The items whose mark says something else than the layers that are there. `recipes`: of those layers, as text."""
    made = {(recipe.job, recipe.n) for recipe in map(parse, recipes) if recipe is not None}
    known = [item for item in items if item.first.job_id is not None]
    return [item for item in known if item.applied != ((item.first.job_id, item.pieces[0].mark.n) in made)]
