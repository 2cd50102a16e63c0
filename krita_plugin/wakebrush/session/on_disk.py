"""What is on disk of earlier results, with thumbnails. For worker threads."""

from __future__ import annotations

from collections.abc import Iterable

from ..journal import Journal, Kept
from ..qt import QImage
from .delivery import small
from .pictures import decode

Found = list[tuple[Kept, dict[int, QImage]]]


def with_thumbnails(journal: Journal, entries: Iterable[Kept]) -> Found:
    """Entries with the thumbnails of their results by number. A result that is no picture is discarded. Raises OSError."""
    return [(kept, _thumbnails(journal, kept)) for kept in entries]


def _thumbnails(journal: Journal, kept: Kept) -> dict[int, QImage]:
    found, key = {}, kept.entry.key
    for n in [n for n, mark in kept.marks.items() if not mark.discarded]:
        stored = journal.cached(key, f"thumbnail-{n}")
        try:
            found[n] = decode(stored) if stored else small(decode(journal.result(key, n) or b""))
        except ValueError:
            journal.mark(key, n, discarded=True)
    return found
