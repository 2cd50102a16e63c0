"""One result as the docker shows it, put together from the parts of its press. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..canvas.base import Placement
from ..canvas.plan import RegionPlan
from ..canvas.rect import Rect
from ..journal import Entry, Mark
from ..qt import QImage, QPainter, QRect, Qt
from .recipe import Recipe, from_values, placement_of, region_of


@dataclass(frozen=True)
class Piece:
    """A result of one region."""

    entry: Entry
    mark: Mark
    thumbnail: QImage

    @property
    def region(self) -> RegionPlan:
        return region_of(self.entry.region, self.entry.area)


@dataclass(frozen=True)
class Item:
    """Picture `n` of a press, all its regions together. `at`: when the last of them arrived, epoch seconds. `earlier`: an earlier
    run of Krita left it."""

    id: str
    press: str
    n: int
    prompt: str
    seed: int | None
    style: str
    regions: tuple[Rect, ...]
    thumbnail: QImage
    starred: bool
    applied: bool
    at: float
    earlier: bool
    pieces: tuple[Piece, ...]

    @property
    def first(self) -> Entry:
        """The entry that speaks for all its regions."""
        return self.pieces[0].entry

    @property
    def name(self) -> str:
        """What its layer is called."""
        several = self.first.count > 1 or self.n > 0
        return f"{self.first.name} ({self.n + 1})" if several else self.first.name

    @property
    def offered(self) -> bool:
        """Whether she has to be asked before it is shown: it was finished while Krita was closed."""
        return any(piece.mark.offered for piece in self.pieces)

    @property
    def placement(self) -> Placement:
        return placement_of(self.first.placement)

    @property
    def bounds(self) -> Rect:
        """The smallest rectangle with all its regions."""
        bounds = self.regions[0]
        for region in self.regions[1:]:
            bounds = bounds.united(region)
        return bounds

    @property
    def recipe(self) -> Recipe:
        """How it was made."""
        entry, mark = self.first, self.pieces[0].mark
        try:
            made = from_values(entry.recipe)
        except (TypeError, ValueError):
            made = Recipe()
        bounds = self.bounds
        return replace(
            made.of_picture(mark.n, mark.seed, entry.job_id),
            prompt=made.prompt or self.prompt,
            style=made.style or self.style,
            region=(bounds.x, bounds.y, bounds.width, bounds.height),
        )


def item_id(entry: Entry, n: int) -> str:
    """The item that result `n` of an entry is a part of."""
    return f"{entry.press_id}:{entry.offset + n}"


def made_of(pieces: Iterable[Piece], *, earlier: bool) -> Item:
    """The item of these pieces, at least one."""
    ordered = tuple(sorted(pieces, key=lambda piece: piece.entry.part))
    entry, mark = ordered[0].entry, ordered[0].mark
    regions = tuple(Rect(*piece.entry.area) for piece in ordered)
    return Item(
        id=item_id(entry, mark.n),
        press=entry.press_id,
        n=entry.offset + mark.n,
        prompt=str(entry.recipe.get("prompt") or entry.request.get("prompt") or entry.name),
        seed=mark.seed,
        style=str(entry.request.get("style") or ""),
        regions=regions,
        thumbnail=ordered[0].thumbnail if len(ordered) == 1 else _together(ordered, regions),
        starred=mark.starred,
        applied=mark.applied,
        at=max(piece.mark.at for piece in ordered),
        earlier=earlier,
        pieces=ordered,
    )


def _together(pieces: tuple[Piece, ...], regions: tuple[Rect, ...]) -> QImage:
    """The thumbnails of several regions, each in its place."""
    bounds = regions[0]
    for region in regions[1:]:
        bounds = bounds.united(region)
    scale = max(piece.thumbnail.width() for piece in pieces) / max(bounds.width, bounds.height)
    image = QImage(
        max(1, round(bounds.width * scale)), max(1, round(bounds.height * scale)), QImage.Format.Format_ARGB32_Premultiplied
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    for piece, region in zip(pieces, regions, strict=True):
        x, y = round((region.x - bounds.x) * scale), round((region.y - bounds.y) * scale)
        painter.drawImage(QRect(x, y, max(1, round(region.width * scale)), max(1, round(region.height * scale))), piece.thumbnail)
    painter.end()
    return image
