"""Which document is which: ids that last as long as a document is open and, once she has saved it, in its file.

Krita has none: the id of the root layer changes when an image is flattened. So the file keeps an id of ours together with
the path it had when that was written, and what to make of the two is decided when a file is opened:

- the same path: it is that document;
- another path, and the old file is gone: that document, renamed or moved;
- another path, and the old file is still there: a copy (Save As, an incremental version, a copied file), a document of its own;
- no path yet (its first save): that document, as far as this run of Krita knows no better;
- opened without a path: made from a template, or brought back from an autosave; a document of its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Exists = Callable[[str], bool]


def on_disk(path: str) -> bool:
    return Path(path).exists()


@dataclass(frozen=True)
class Identity:
    """`path` is where the document was when this was written; '' for one that was never saved."""

    id: str
    path: str

    def to_bytes(self) -> bytes:
        return json.dumps({"id": self.id, "path": self.path}, ensure_ascii=False).encode("utf-8")

    @classmethod
    def from_bytes(cls, content: bytes) -> Identity | None:
        """None for nothing, and for what is not ours."""
        try:
            value = json.loads(content)
            return cls(str(value["id"]), str(value["path"]))
        except (ValueError, KeyError, TypeError):
            return None


def recognised(kept: Identity | None, path: str, taken: set[str], exists: Exists = on_disk) -> Identity:
    """Who a document is that is opened from `path` and keeps that identity in its file; `taken`: ids of the other open
    documents. The answer has the path under which others (a journal) may know it: '' where only the id tells."""
    if kept is None or not path or kept.id in taken or (kept.path not in ("", path) and exists(kept.path)):
        return Identity(str(uuid.uuid4()), path)
    return kept


def answers_to(known: Identity, path: str, document_id: str, exists: Exists = on_disk) -> bool:
    """Whether an open document is the one that was known by that id, at that path or before it had any."""
    if not document_id or known.id != document_id:
        return False
    return path in ("", known.path) or (not known.path and not exists(path))
