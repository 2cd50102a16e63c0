"""Krita's open documents and what to say about them."""

from __future__ import annotations

from krita import Document, Krita, Selection

from .region import Rect

CMYK_NOTICE = "CMYK: colours outside print range may shift a little."


def active() -> Document | None:
    """The document in front."""
    return Krita.instance().activeDocument()


def identity(document: Document) -> str:
    """The id of its root layer, which Krita gives out when the document is opened or made, and keeps."""
    return str(document.rootNode().uniqueId().toString())


def find(document_id: str) -> Document | None:
    """The open document of that id, in front or not."""
    return next((d for d in Krita.instance().documents() if d.rootNode() is not None and identity(d) == document_id), None)


def saved_as(path: str) -> Document | None:
    """The open document of that file, in front or not."""
    return next((d for d in Krita.instance().documents() if d.rootNode() is not None and d.fileName() == path), None)


def size(document: Document) -> tuple[int, int]:
    """Width and height in pixels."""
    return document.width(), document.height()


def selection_of(document: Document) -> tuple[Selection, Rect] | None:
    """What is selected and its bounding box; None when nothing is."""
    selection = document.selection()
    if selection is None:
        return None
    box = Rect(selection.x(), selection.y(), selection.width(), selection.height())
    return None if box.is_empty else (selection, box)


def notice(document: Document) -> str | None:
    """What its artist should know before colours go out and come back."""
    return CMYK_NOTICE if document.colorModel() == "CMYKA" else None
