"""Krita's open documents and what to say about them."""

from __future__ import annotations

from krita import Document, Krita, Selection

from ..i18n import tr
from . import nodes
from .rect import Rect


def active() -> Document | None:
    """The document in front."""
    return Krita.instance().activeDocument()


def size(document: Document) -> tuple[int, int]:
    """Width and height in pixels."""
    return document.width(), document.height()


def colours(document: Document) -> tuple[str, str, str]:
    """Model, depth and profile of its pixels, as Krita names them: RGBA, U8, sRGB-elle-V2-srgbtrc.icc."""
    return document.colorModel(), document.colorDepth(), document.colorProfile()


def selection_of(document: Document) -> tuple[Selection, Rect] | None:
    """What is selected and its bounding box; None when nothing is."""
    selection = document.selection()
    if selection is None:
        return None
    box = Rect(selection.x(), selection.y(), selection.width(), selection.height())
    return None if box.is_empty else (selection, box)


def frame(document: Document) -> int | None:
    """Which frame of an animation is shown; None where nothing is animated."""
    return document.currentTime() if any(node.animated() for node in nodes.every(document.rootNode())) else None


def notice(document: Document) -> str | None:
    """What its artist should know before colours go out and come back."""
    return tr("CMYK: colours outside print range may shift a little.") if document.colorModel() == "CMYKA" else None
