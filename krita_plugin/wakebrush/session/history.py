"""A document's results in its own file: read when it is opened, written so that her next save has them.

    opened → (history) unpack, journal.restore → restored
    changed → … → (history) pack → canvas.set_annotation … her save → in_file

The words in brackets are lanes. What is in her file is on disk here too, for as long as this Krita runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..canvas.base import Canvas
from ..i18n import tr
from ..journal import Journal, Kept
from ..qt import QObject, QTimer, Signal
from .document_settings import DocumentSettings
from .items import Item
from .lanes import Lanes
from .packing import Packed, document_of, pack, unpack
from .settings import PaintSettings
from .words import Notice, disk_notice

#: How long changes are collected before they are written, in milliseconds.
_COLLECT_MS = 1000
#: Length of the keys that journal.new_key makes; what follows tells copies of one document apart.
_KEY_LENGTH = 36

#: Files that keep what is written into a document; an export as PNG does not.
_OUR_FILES = (".kra", ".krz")

_MIB = 1024 * 1024

_log = logging.getLogger("wakebrush")


class History(QObject):
    """`restored(list of Kept)`: came out of a file; `in_file(set of (key, n))`: her saved file has these; `told(Notice)`."""

    restored = Signal(object)
    in_file = Signal(object)
    told = Signal(object)

    def __init__(
        self,
        lanes: Lanes,
        canvas: Canvas,
        journal: Journal,
        settings: PaintSettings,
        documents: DocumentSettings,
        items: Callable[[str], list[Item]],
    ) -> None:
        """`items`: the results of a document."""
        super().__init__()
        self._settings = settings
        self._documents = documents
        self._lanes = lanes
        self._canvas = canvas
        self._journal = journal
        self._items = items
        self._seen: set[str] = set()
        self._changed: set[str] = set()
        self._written: dict[str, Packed] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_COLLECT_MS)
        self._timer.timeout.connect(self.write)
        canvas.events.saved.connect(self._saved)
        canvas.events.closed.connect(self._closed)

    def look_at(self, document_id: str, at_home: frozenset[str]) -> None:
        """A document is in front; the first time its history is read. `at_home`: keys of entries that are known to be its own."""
        if document_id in self._seen:
            return
        self._seen.add(document_id)
        content, path = self._canvas.annotation(document_id), self._canvas.path_of(document_id)
        if content:
            restore = partial(self._restore, content, document_id, path, at_home)
            self._lanes.run("history", restore, self.restored.emit, self._unreadable)
            load = partial(self._documents.load, document_id)
            self._lanes.run("history", lambda: document_of(content), load)  # what is damaged was told above

    def touch(self, document_id: str) -> None:
        """Its results have changed."""
        self._changed.add(document_id)
        self._timer.start()

    def write(self) -> None:
        """Gives the documents what their next save is to write."""
        changed, self._changed = self._changed, set()
        for document_id in changed:
            if self._canvas.is_open(document_id):
                work = partial(
                    pack, self._canvas, self._journal, self._items(document_id), self._settings.history_megabytes * _MIB
                )
                work = partial(work, document=self._documents.dump(document_id))
                self._lanes.run("history", work, partial(self._packed, document_id), self._not_packed)

    def _packed(self, document_id: str, packed: Packed) -> None:
        if self._canvas.is_open(document_id):
            self._canvas.set_annotation(document_id, packed.content)
            self._written[document_id] = packed

    def _not_packed(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))

    def _restore(self, content: bytes, document_id: str, path: str, at_home: frozenset[str]) -> list[Kept]:
        found = []
        for kept, files in unpack(content):
            entry = replace(kept.entry, document_id=document_id, document_path=path)
            if entry.key in at_home:
                continue
            mine = replace(kept, entry=entry)
            if not self._journal.restore(mine, files):
                # Another document has the same history: one is a copy of the other.
                suffix = "-" + document_id.replace("-", "")[:8]
                entry = replace(entry, key=entry.key[:_KEY_LENGTH] + suffix, press=entry.press_id[:_KEY_LENGTH] + suffix)
                mine = replace(kept, entry=entry)
                if not self._journal.restore(mine, files):
                    continue
            found.append(mine)
        return found

    def _unreadable(self, error: Exception) -> None:
        _log.warning("the history of a document could not be read", exc_info=error)
        if isinstance(error, OSError):
            self.told.emit(disk_notice(error))
        else:
            self.told.emit(
                Notice(
                    tr("The earlier results in this file could not be read."),
                    tr("The painting is not affected; new results are kept as usual."),
                )
            )

    def _saved(self, document_id: str, path: str) -> None:
        work = partial(self._journal.document_saved, document_id, path)
        self._lanes.run("disk", work, failed=self._not_packed)
        packed = self._written.get(document_id)
        if packed is not None and path.lower().endswith(_OUR_FILES):
            self.in_file.emit(packed.full)

    def _closed(self, document_id: str) -> None:
        self._seen.discard(document_id)
        self._changed.discard(document_id)
        self._written.pop(document_id, None)
