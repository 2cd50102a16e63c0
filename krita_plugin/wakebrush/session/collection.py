"""All results there are, as items: pieces are put together, and an item is complete when each of its regions is there or lost.

Values in, values out; nothing here knows a canvas, a disk or a service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..journal import Entry, Kept, Mark
from ..qt import QImage
from .items import Item, Piece, item_id, made_of


class Collection:
    """Items by id. `earlier`: keys of the entries that an earlier run of Krita left."""

    def __init__(self) -> None:
        self._pieces: dict[str, dict[int, Piece]] = {}
        self._lost: set[tuple[str, int]] = set()
        self._items: dict[str, Item] = {}
        self.earlier: set[str] = set()

    def items(self) -> list[Item]:
        """The complete ones, the newest first; of those that arrived together the first picture first."""
        return sorted(self._items.values(), key=lambda item: (-item.first.created_at, -item.at, item.n))

    def get(self, wanted: str) -> Item | None:
        """The complete item of that id."""
        return self._items.get(wanted)

    def add(self, entry: Entry, mark: Mark, thumbnail: QImage) -> str | None:
        """A result has arrived. The id of the item it completes, if it does and that was not complete before."""
        wanted = item_id(entry, mark.n)
        if entry.part in self._pieces.get(wanted, {}):
            return None
        self._pieces.setdefault(wanted, {})[entry.part] = Piece(entry, mark, thumbnail)
        return self._completed(wanted)

    def close(self, entry: Entry) -> list[str]:
        """No more results of this entry will come. The ids of the items that are complete by that."""
        found = []
        for n in range(entry.count):
            wanted = item_id(entry, n)
            if entry.part not in self._pieces.get(wanted, {}):
                self._lost.add((wanted, entry.part))
                found.append(self._completed(wanted))
        return [each for each in found if each is not None]

    def take_up(self, found: Iterable[tuple[Kept, dict[int, QImage]]], *, earlier: bool) -> None:
        """What is on disk. Regions of a press of which nothing is left count as lost."""
        presses: dict[str, dict[int, Entry]] = {}
        for kept, thumbnails in found:
            entry = kept.entry
            presses.setdefault(entry.press_id, {})[entry.part] = entry
            if earlier:
                self.earlier.add(entry.key)
            for n, thumbnail in thumbnails.items():
                self.add(entry, kept.marks[n], thumbnail)
            if not kept.owed:
                self.close(entry)
        for parts in presses.values():
            some = next(iter(parts.values()))
            for part in set(range(some.parts)) - set(parts):
                self.close(replace(some, part=part))

    def mark(self, wanted: str, **changes: Any) -> None:
        """Changes what is known of an item (see journal.Mark)."""
        for part, piece in self._pieces.get(wanted, {}).items():
            self._pieces[wanted][part] = replace(piece, mark=replace(piece.mark, **changes))
        if wanted in self._items:
            self._rebuild(wanted)

    def moved(self, wanted: str, document_id: str, path: str) -> None:
        """An item belongs to another document from now on."""
        for part, piece in self._pieces.get(wanted, {}).items():
            entry = replace(piece.entry, document_id=document_id, document_path=path)
            self._pieces[wanted][part] = replace(piece, entry=entry)
        if wanted in self._items:
            self._rebuild(wanted)

    def document_saved(self, document_id: str, path: str) -> None:
        """A document has a (new) name."""
        for wanted, pieces in self._pieces.items():
            if any(piece.entry.document_id == document_id and piece.entry.document_path != path for piece in pieces.values()):
                self.moved(wanted, document_id, path)

    def remove(self, wanted: str) -> None:
        """She does not want it any more."""
        self._items.pop(wanted, None)
        self._pieces.pop(wanted, None)

    def _completed(self, wanted: str) -> str | None:
        pieces = self._pieces.get(wanted)
        if not pieces or wanted in self._items:
            return None
        some = next(iter(pieces.values()))
        if any(part not in pieces and (wanted, part) not in self._lost for part in range(some.entry.parts)):
            return None
        self._rebuild(wanted)
        return wanted

    def _rebuild(self, wanted: str) -> None:
        pieces = self._pieces[wanted].values()
        self._items[wanted] = made_of(pieces, earlier=any(piece.entry.key in self.earlier for piece in pieces))
