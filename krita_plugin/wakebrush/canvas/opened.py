"""The documents that are open, by ids of ours (see identity.py)."""

from __future__ import annotations

from dataclasses import dataclass

from krita import Document, Krita

from . import annotation
from .identity import Identity, answers_to, recognised

KEY = "identity"


@dataclass
class _Known:
    document: Document
    identity: Identity


class OpenDocuments:
    """Ids for documents, given out when they are first asked for."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._paths: dict[str, str] = {}

    def identity(self, document: Document) -> str:
        """The same for the same document, as long as it is open."""
        return self._of(document).identity.id

    def keep(self, document: Document) -> None:
        """From her next save on, the file has its id: it is known again there, and a copy is told from it."""
        _write(document, self._of(document).identity)

    def find(self, document_id: str) -> Document | None:
        """The open document of that id, in front or not."""
        return next((each.document for each in self._still_open() if each.identity.id == document_id), None)

    def known_as(self, path: str, document_id: str) -> str | None:
        """The id of the open document that was known by this path and id."""
        known = [self._of(document) for document in Krita.instance().documents()]
        by_path = (each for each in known if path and each.document.fileName() == path)
        by_id = (each for each in known if answers_to(each.identity, path, document_id))
        found = next(by_path, None) or next(by_id, None)
        return None if found is None else found.identity.id

    def saved(self, path: str) -> str | None:
        """Notes that a document was saved as this file; its id. None for a file that is no open document's (an export)."""
        for document in Krita.instance().documents():
            if document.fileName() == path:
                known = self._of(document)
                known.identity = Identity(known.identity.id, path)
                self._paths[known.identity.id] = path
                if annotation.read(document, KEY):
                    self.keep(document)
                return known.identity.id
        return None

    def gone(self) -> list[str]:
        """Ids of the documents that were closed since it was last asked."""
        before, self._known = self._known, self._still_open()
        left = {each.identity.id for each in self._known}
        return [each.identity.id for each in before if each.identity.id not in left]

    def _of(self, document: Document) -> _Known:
        opened = self._still_open()
        for each in opened:
            if each.document == document:
                return each
        kept = Identity.from_bytes(annotation.read(document, KEY))
        if kept is not None and not kept.path:
            kept = Identity(kept.id, self._paths.get(kept.id, ""))
        known = _Known(document, recognised(kept, document.fileName(), {each.identity.id for each in opened}))
        self._known.append(known)
        if kept is not None:
            _write(document, known.identity)  # not by `keep`: one that is being closed is in front, and open no more
        return known

    def _still_open(self) -> list[_Known]:
        opened = Krita.instance().documents()
        return [each for each in self._known if each.document in opened]


def _write(document: Document, identity: Identity) -> None:
    annotation.write(document, KEY, Identity(identity.id, document.fileName()).to_bytes())
