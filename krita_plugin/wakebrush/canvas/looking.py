"""What a plan is made from, seen in a document of Krita's."""

from __future__ import annotations

from krita import Document, Selection

from ..qt import Qt
from . import documents, nodes, reading
from .islands import holes_in, islands_of
from .rect import Rect
from .scene import Context, PlanSettings, Scene, Task

REDUCED = 512
"""Transparent parts are looked for in a picture of so many pixels along the longer side."""


def scene(document: Document, settings: PlanSettings, is_empty: bool) -> Scene:
    """Only what the settings ask for is looked at. Raises NoDocument."""
    selected = documents.selection_of(document)
    canvas = documents.size(document)
    return Scene(
        canvas,
        selection=None if selected is None else selected[1],
        islands=_islands(*selected, canvas) if selected is not None and settings.split_islands else (),
        layer=_layer(document) if settings.task is Task.CUSTOM and settings.context is Context.LAYER else None,
        paint=_paint(document) if settings.mask_from_layer and selected is None else None,
        holes=_holes(document) if settings.task is Task.EXPAND and not any(settings.margins) else None,
        is_empty=is_empty,
    )


def _islands(selection: Selection, box: Rect, canvas: tuple[int, int]) -> tuple[Rect, ...]:
    seen = box.clipped(Rect(0, 0, *canvas))
    if seen.is_empty:
        return ()
    return islands_of(bytes(selection.pixelData(seen.x, seen.y, seen.width, seen.height)), seen)


def _layer(document: Document) -> Rect | None:
    """Bounds of what is on the active layer; None for nothing."""
    layer = nodes.layer_of(document.activeNode())
    if layer is None:
        return None
    bounds = Rect(*layer.bounds().getRect())
    return None if bounds.is_empty else bounds


def _paint(document: Document) -> Rect | None:
    """The same, where it may serve as a mask: not where it covers the whole canvas."""
    bounds, whole = _layer(document), Rect(0, 0, *documents.size(document))
    if bounds is None or not bounds.contains(whole):
        return bounds
    alpha = reading.layer_alpha(document, nodes.layer_of(document.activeNode()), whole)
    return bounds if alpha.strip(b"\xff") else None


def _holes(document: Document) -> Rect | None:
    width, height = documents.size(document)
    seen = document.projection(0, 0, width, height)
    scale = REDUCED / max(width, height)
    if scale < 1:
        smooth = Qt.TransformationMode.SmoothTransformation
        size = max(1, round(width * scale)), max(1, round(height * scale))
        seen = seen.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
    return holes_in(seen, (width, height))
