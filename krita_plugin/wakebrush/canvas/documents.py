"""Krita's open documents and what to say about them."""

from __future__ import annotations

import uuid

from krita import Document, Krita, Selection

from .rect import Rect

CMYK_NOTICE = "CMYK: colours outside print range may shift a little."


class OpenDocuments:
    """Ids for documents, given out when they are first asked for.

    Krita has none that lasts: the id of the root layer changes when an image is flattened.
    """

    def __init__(self) -> None:
        self._known: list[tuple[str, Document]] = []

    def identity(self, document: Document) -> str:
        """The same for the same document, as long as it is open."""
        for document_id, known in self._still_open():
            if known == document:
                return document_id
        document_id = str(uuid.uuid4())
        self._known.append((document_id, document))
        return document_id

    def find(self, document_id: str) -> Document | None:
        """The open document of that id, in front or not."""
        return next((document for known_id, document in self._still_open() if known_id == document_id), None)

    def _still_open(self) -> list[tuple[str, Document]]:
        opened = Krita.instance().documents()
        self._known = [(document_id, document) for document_id, document in self._known if document in opened]
        return self._known


def active() -> Document | None:
    """The document in front."""
    return Krita.instance().activeDocument()


def saved_as(path: str) -> Document | None:
    """The open document of that file, in front or not."""
    return next((document for document in Krita.instance().documents() if document.fileName() == path), None)


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


def notice(document: Document) -> str | None:
    """What its artist should know before colours go out and come back."""
    return CMYK_NOTICE if document.colorModel() == "CMYKA" else None
