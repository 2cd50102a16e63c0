"""Her results: what the docker's thumbnails show, and what can be done with each. One per session.

A result is on disk before it is here (delivery.py), is looked at over the canvas (showing.py), and becomes a layer only when she
says so, or at once when the settings say that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from ..canvas.base import Canvas, Where
from ..i18n import tr
from ..journal import Entry, Journal, Kept
from ..qt import QApplication, QImage, Signal
from . import words
from .collection import Collection
from .delivery import Landing, small
from .document_settings import DocumentSettings
from .history import History
from .items import Item
from .link import Link
from .observable import Observable, Property
from .pictures import decode
from .placing import Placing, closed_notice
from .recipe import Recipe, parse
from .saving import save_png
from .settings import PaintSettings
from .showing import Showing
from .words import Notice, disk_notice

_MIB = 1024 * 1024
Found = list[tuple[Kept, dict[int, QImage]]]


class Results(Observable):
    """`items`: those of the document in front, the newest first. `peeked`, `pinned`: ids, '' for none. `enlarged`: the picture
    that the docker shows large, where nothing can lie over the canvas. `wipe`: what is left of this fraction shows the result;
    None: all of it. `offer`: a question about results that wait to be shown. `held`: a layer waits for her hand.

    `told(Notice)`: a sentence for her; `again_asked(Recipe)`: she wants to go on from this.
    """

    items: Property[tuple[Item, ...]] = Property(())
    peeked = Property("")
    pinned = Property("")
    enlarged: Property[QImage | None] = Property(None)
    wipe: Property[float | None] = Property(None)
    offer = Property("")
    held = Property(False)

    told = Signal(object)
    again_asked = Signal(object)

    def __init__(
        self,
        link: Link,
        canvas: Canvas,
        journal: Journal,
        settings: PaintSettings,
        documents: DocumentSettings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`documents`: what each document's fields hold, kept in its file with the results; `now`: epoch seconds."""
        super().__init__()
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._settings = settings
        self._now = now
        self._all = Collection()
        self._front: str | None = None
        self._homeless_shown = False
        self._presses: dict[str, float] = {}
        self._showing = Showing(link, canvas, journal)
        self._placing = Placing(canvas, self._showing)
        self._history = History(
            link.lanes,
            canvas,
            journal,
            documents or DocumentSettings(settings),
            self._of,
            lambda: settings.history_megabytes * _MIB,
        )
        self._connect_parts()

    def _connect_parts(self) -> None:
        for part in (self._showing, self._placing, self._history):
            part.told.connect(self.told)
        self._showing.changed.connect(lambda: setattr(self, "enlarged", self._showing.enlarged))
        self._placing.placed.connect(self._placed)
        self._placing.held.connect(lambda held: setattr(self, "held", held))
        self._history.restored.connect(self._restored)
        self._history.in_file.connect(self._in_file)
        self._canvas.events.saved.connect(self._saved)
        self._canvas.events.closed.connect(lambda _: self.look(self._canvas.active_document()))

    # What arrives.

    def resume(self) -> None:
        """Takes up what an earlier run of Krita left."""
        self._link.lanes.run("disk", self._left_behind, lambda found: self._taken_up(found, earlier=True), self._not_done)

    def land(self, landing: Landing) -> None:
        """A result is on disk."""
        completed = self._all.add(landing.entry, landing.mark, landing.thumbnail)
        if completed is not None:
            self._arrived(completed)

    def close(self, entry: Entry) -> None:
        """No more results of this entry will come."""
        for completed in self._all.close(entry):
            self._arrived(completed)

    def look(self, document_id: str | None) -> None:
        """This document is in front now."""
        if document_id != self._front:
            self._front = document_id
            self.peeked = self.pinned = ""
            self._show()
        if document_id is not None:
            self._history.look_at(document_id, frozenset(self._keys_of(document_id)))
        self._update()

    # What she does.

    def peek(self, item_id: str) -> None:
        """Shows it over the canvas, for as long as the mouse, or the keyboard's cursor, is on it."""
        self.peeked = item_id
        self._show()

    def unpeek(self) -> None:
        self.peek("")

    def pin(self, item_id: str) -> None:
        """Keeps it over the canvas until she lets go."""
        self.pinned, self.peeked = item_id, ""
        self._show()

    def let_go(self) -> None:
        """The canvas is as it is."""
        self.pinned = self.peeked = ""
        self._show()

    def step(self, by: int) -> None:
        """Pins the next older (1) or newer (-1) result."""
        ids = [item.id for item in self.items]
        if ids:
            present = ids.index(self.pinned) if self.pinned in ids else (-1 if by > 0 else 0)
            self.pin(ids[max(0, min(len(ids) - 1, present + by))])

    def compare(self, fraction: float | None) -> None:
        """Wipes between before and after: the result shows left of this fraction; None: all of it."""
        self.wipe = fraction
        self._showing.wipe(fraction)

    def apply(self, item_id: str = "", *, replace_layer: bool = False) -> None:
        """Makes a layer of a result (of the pinned one, when none is named), in one undo step. `replace_layer`: above the layer
        it was read from, which is hidden."""
        item = self._all.get(item_id or self.pinned or self.peeked)
        if item is None:
            return
        document_id = self._home(item) or (self._front if self._is_homeless(item) else None)
        if document_id is None:
            self.told.emit(closed_notice(item))
            return
        self._placing.place(item, document_id, Where.REPLACE if replace_layer else None)

    def discard(self, *item_ids: str) -> None:
        """Throws results away for good."""
        for item in self._named(item_ids):
            self._all.remove(item.id)
            self._showing.drop(item.id)
            self._mark_on_disk(item, discarded=True)
            if item.id in (self.pinned, self.peeked):
                self.let_go()
            self._touch(item)
        self._update()

    def star(self, item_id: str) -> None:
        """Keeps a result before others when room in the file is short; once more takes that back."""
        for item in self._named((item_id,)):
            self._mark(item, starred=not item.starred)

    def save_png(self, item_id: str, path: str) -> None:
        """Saves a result as a PNG file, with its recipe in it."""
        for item in self._named((item_id,)):
            save_png(self._showing, self._link.lanes, item, path, self.told.emit)

    def copy_prompt(self, item_id: str) -> None:
        """Puts the prompt of a result on the clipboard."""
        for item in self._named((item_id,)):
            QApplication.clipboard().setText(item.prompt)

    def reuse_seed(self, item_id: str) -> None:
        """The next picture gets the seed of this one."""
        for item in self._named((item_id,)):
            if item.seed is not None:
                self._settings.seed = str(item.seed)

    def again(self, item_id: str = "") -> None:
        """Brings back how a result was made; when none is named, the active layer."""
        item = self._all.get(item_id)
        recipe = item.recipe if item is not None else parse(self._canvas.recipe_of_active_layer())
        if recipe is None:
            self.told.emit(
                Notice(
                    tr("The active layer is not one of your results."),
                    tr("Choose a layer that Wakebrush made, or a thumbnail, then press Again."),
                )
            )
            return
        self._bring_back(recipe)

    def show_offer(self) -> None:
        """Shows the results that the offer is about."""
        offered = self._offered()
        if offered:
            for item in offered:
                self._mark(item, offered=False)
        else:
            self._homeless_shown = True
        self._update()
        if self.items:
            self.pin(self.items[0].id)

    def discard_offer(self) -> None:
        """Throws away the results that the offer is about."""
        self.discard(*[item.id for item in self._offered() or self._homeless()])

    # Which are shown where.

    def _update(self) -> None:
        here = [item for item in self._all.items() if self._is_shown(item)]
        self.items = tuple(here)
        known = {item.id for item in here}
        if (self.pinned and self.pinned not in known) or (self.peeked and self.peeked not in known):
            self.let_go()
        self.offer = self._offer()

    def _is_shown(self, item: Item) -> bool:
        if self._front is None or item.offered:
            return False
        home = self._home(item)
        return home == self._front or (home is None and self._homeless_shown and self._is_homeless(item))

    def _home(self, item: Item) -> str | None:
        """The open document it belongs to."""
        entry = item.first
        if entry.document_id and self._canvas.is_open(entry.document_id):
            return entry.document_id
        return self._canvas.find(entry.document_path, entry.document_id) if entry.document_path else None

    def _is_homeless(self, item: Item) -> bool:
        """Whether its document was never saved, and went with an earlier run of Krita."""
        return item.earlier and not item.first.document_path and self._home(item) is None

    def _of(self, document_id: str) -> list[Item]:
        return [item for item in self._all.items() if self._home(item) == document_id]

    def _keys_of(self, document_id: str) -> list[str]:
        return [piece.entry.key for item in self._of(document_id) for piece in item.pieces]

    def _offered(self) -> list[Item]:
        if self._front is None:
            return []
        return [item for item in self._all.items() if item.offered and self._home(item) == self._front]

    def _homeless(self) -> list[Item]:
        if self._front is None or self._homeless_shown:
            return []
        return [item for item in self._all.items() if self._is_homeless(item)]

    def _offer(self) -> str:
        if offered := self._offered():
            return words.offer_sentence(len(offered), homeless=False)
        homeless = self._homeless()
        return words.offer_sentence(len(homeless), homeless=True) if homeless else ""

    def _show(self) -> None:
        item = self._all.get(self.peeked or self.pinned)
        self._showing.show(item, self._front if item is not None else None)

    def _named(self, item_ids: tuple[str, ...]) -> list[Item]:
        return [item for item in map(self._all.get, item_ids) if item is not None]

    # Arriving.

    def _arrived(self, item_id: str) -> None:
        item = self._all.get(item_id)
        assert item is not None
        home = self._home(item)
        if home is None and item.first.document_path:
            self.told.emit(closed_notice(item))
        self._touch(item)
        self._update()
        if home is None or item.offered:
            return
        if self._settings.apply_at_once:
            self.apply(item_id)
        elif home == self._front and self._is_news(item):
            self.pin(item_id)

    def _is_news(self, item: Item) -> bool:
        """Whether it is the first result of the newest press."""
        begun = item.first.created_at
        news = item.press not in self._presses and all(begun > other for other in self._presses.values())
        self._presses.setdefault(item.press, begun)
        return news

    def _left_behind(self) -> Found:
        self._journal.sweep(self._now())
        return [(kept, self._thumbnails(kept)) for kept in self._journal.all()]

    def _thumbnails(self, kept: Kept) -> dict[int, QImage]:
        """Thumbnails of its results, from disk. A result that is no picture is left out."""
        found = {}
        for n, mark in kept.marks.items():
            if not mark.discarded:
                key = kept.entry.key
                stored = self._journal.cached(key, f"thumbnail-{n}")
                try:
                    found[n] = decode(stored) if stored else small(decode(self._journal.result(key, n) or b""))
                except ValueError:
                    self._journal.mark(key, n, discarded=True)
        return found

    def _taken_up(self, found: Found, *, earlier: bool) -> None:
        self._all.take_up(found, earlier=earlier)
        for document_id in {home for item in self._all.items() if (home := self._home(item)) is not None}:
            self._history.touch(document_id)
        self._update()

    def _restored(self, found: list[Kept]) -> None:
        self._link.lanes.run(
            "history",
            lambda: [(kept, self._thumbnails(kept)) for kept in found],
            lambda taken: self._taken_up(taken, earlier=False),
            self._not_done,
        )

    # Noting.

    def _mark(self, item: Item, **changes: bool) -> None:
        self._all.mark(item.id, **changes)
        self._mark_on_disk(item, **changes)
        self._touch(item)
        self._update()

    def _mark_on_disk(self, item: Item, **changes: bool) -> None:
        for piece in item.pieces:
            work = partial(self._journal.mark, piece.entry.key, piece.mark.n, **changes)
            self._link.lanes.run("disk", work, failed=self._not_done)

    def _touch(self, item: Item) -> None:
        home = self._home(item)
        if home is not None:
            self._history.touch(home)

    def _placed(self, item: Item, document_id: str) -> None:
        if self._home(item) is None:
            path = self._canvas.path_of(document_id)
            self._all.moved(item.id, document_id, path)
            for piece in item.pieces:
                work = partial(self._journal.update, piece.entry, document_id=document_id, document_path=path)
                self._link.lanes.run("disk", work, failed=self._not_done)
        if self.pinned == item.id:
            self.let_go()
        elif self.peeked == item.id:
            self.unpeek()
        moved = self._all.get(item.id)
        if moved is not None:
            self._mark(moved, applied=True)

    def _saved(self, document_id: str, path: str) -> None:
        self._all.document_saved(document_id, path)
        self._update()

    def _in_file(self, full: frozenset[tuple[str, int]]) -> None:
        for key, n in full:
            self._link.lanes.run("disk", partial(self._journal.mark, key, n, saved=True), failed=self._not_done)

    def _bring_back(self, recipe: Recipe) -> None:
        settings = self._settings
        settings.prompt, settings.negative_prompt = recipe.prompt, recipe.negative
        settings.style = recipe.style or settings.style
        settings.seed = "" if recipe.seed is None else str(recipe.seed)
        settings.strength = round(recipe.strength * 100)
        self.again_asked.emit(recipe)

    def _not_done(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))
