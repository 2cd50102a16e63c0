"""What a `.kra` keeps of ours: annotations, which Krita stores with the picture at its next save.

Krita counts an annotation as a change of the document. For her it is none: a document that is saved stays so, and what was
put there meanwhile goes into the file with her own next save. No undo step is made.
"""

from __future__ import annotations

from krita import Document

from ..qt import QByteArray

PREFIX = "wakebrush."
DESCRIPTION = "Wakebrush"


def read(document: Document, key: str) -> bytes:
    """Empty when there is nothing."""
    return bytes(document.annotation(PREFIX + key))


def write(document: Document, key: str, content: bytes) -> None:
    """Puts it in place of what is there; nothing at all for empty content."""
    if content == read(document, key):
        return
    changed = document.modified()
    if content:
        document.setAnnotation(PREFIX + key, DESCRIPTION, QByteArray(content))
    else:
        document.removeAnnotation(PREFIX + key)
    if not changed:
        document.setModified(False)
