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
from .again import Again
from .applied import changed
from .collection import Collection
from .delivery import Landing
from .document_settings import DocumentSettings
from .history import History
from .homes import Homes
from .items import Item
from .link import Link
from .observable import Observable, Property
from .on_disk import Found, with_thumbnails
from .placing import Placing, closed_notice
from .recipe import parse
from .saving import save_png
from .settings import PaintSettings
from .showing import Showing
from .words import Notice, disk_notice


class Results(Observable):
    """`items`: those of the document in front, the newest first. `peeked`, `pinned`: ids, '' for none. `enlarged`: the picture
    that the docker shows large, where nothing can lie over the canvas. `wipe`: what is left of this fraction shows the result;
    None: all of it. `offer`: a question about results that wait to be shown. `held`: a layer waits for her hand.
    `recovered`: ids of those items whose document is gone. `layer_prompt`: what the active layer was made from, if it is one
    of hers.

    `told(Notice)`: a sentence for her; `again_asked(Recipe)`: she wants to go on from this.
    """

    items: Property[tuple[Item, ...]] = Property(())
    peeked = Property("")
    pinned = Property("")
    enlarged: Property[QImage | None] = Property(None)
    wipe: Property[float | None] = Property(None)
    offer = Property("")
    held = Property(False)
    recovered: Property[frozenset[str]] = Property(frozenset())
    layer_prompt = Property("")

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
        service_name: Callable[[str], str] = lambda _: "",
    ) -> None:
        """`documents`: what each document's fields hold, kept in its file with the results; `now`: epoch seconds; `service_name`:
        as in Showing."""
        super().__init__()
        self._link = link
        self._canvas = canvas
        self._journal = journal
        self._settings = settings
        self._now = now
        self._all = Collection()
        self._homes = Homes(canvas, self._all)
        self._front: str | None = None
        self._homeless_shown = False
        self._resumed = False
        self._presses: dict[str, float] = {}
        self._showing = Showing(link, canvas, journal, service_name)
        self._placing = Placing(canvas, self._showing)
        self._again = Again(link.lanes, canvas, journal, settings)
        self._history = History(link.lanes, canvas, journal, settings, documents or DocumentSettings(settings), self._homes.items)
        self._connect_parts()

    def _connect_parts(self) -> None:
        for part in (self._showing, self._placing, self._again, self._history):
            part.told.connect(self.told)
        self._showing.changed.connect(lambda: setattr(self, "enlarged", self._showing.enlarged))
        self._showing.fetched.connect(lambda name: self._all.mark(name, remote=False))
        self.waits_at = self._showing.waits_at
        self._placing.placed.connect(self._placed)
        self._placing.held.connect(lambda held: setattr(self, "held", held))
        self._history.restored.connect(self._restored)
        self._history.in_file.connect(self._in_file)
        self._canvas.events.saved.connect(self._saved)
        self._canvas.events.remark.connect(lambda _, sentence: self.told.emit(Notice(sentence)))
        self._canvas.events.closed.connect(lambda _: self.look(self._canvas.active_document()))

    # What arrives.

    def resume(self) -> None:
        """Takes up what an earlier run of Krita left."""
        self._link.lanes.run("disk", self._left_behind, lambda found: self._taken_up(found, earlier=True), self._not_read)

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
        if document_id == self._front:
            return
        self._front = document_id
        self.peeked = self.pinned = ""
        self._show()
        self._read_history()
        self._update()

    def look_at_layer(self, recipe: str | None) -> None:
        """The recipe of the layer she is on, if it has one."""
        self._look_at_layers()
        found = parse(recipe) if recipe else None
        self.layer_prompt = "" if found is None else found.prompt

    # What she does.

    def peek(self, item_id: str) -> None:
        """Shows it over the canvas, for as long as the mouse, or the keyboard's cursor, is on it."""
        self.peeked = item_id
        if item_id:
            self._look_at_layers()
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
        document_id = self._homes.of(item) or (self._front if self._homes.is_homeless(item) else None)
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

    def leave(self) -> None:
        """The keyboard belongs to the canvas again."""
        self._canvas.take_keys()

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
        self._again.bring_back(recipe, self._all.items(), self._front)
        self.again_asked.emit(recipe)

    def show_offer(self) -> None:
        """Shows the results that the offer is about."""
        for item in self._offered():
            if self._homes.is_homeless(item):
                self._homeless_shown = True
            self._mark(item, offered=False)
        self._update()
        if self.items:
            self.pin(self.items[0].id)

    def discard_offer(self) -> None:
        """Throws away the results that the offer is about."""
        self.discard(*[item.id for item in self._offered()])

    # Which are shown where.

    def _update(self) -> None:
        here = [item for item in self._all.items() if self._is_shown(item)]
        self.recovered = frozenset(item.id for item in here if self._homes.is_homeless(item))
        here.sort(key=lambda item: item.id in self.recovered)
        self.items = tuple(here)
        known = {item.id for item in here}
        if (self.pinned and self.pinned not in known) or (self.peeked and self.peeked not in known):
            self.let_go()
        self.offer = self._offer()

    def _is_shown(self, item: Item) -> bool:
        if self._front is None or item.offered:
            return False
        home = self._homes.of(item)
        return home == self._front or (home is None and self._homeless_shown and self._homes.is_homeless(item))

    def _offered(self) -> list[Item]:
        """What the offer is about: first what belongs to the document in front, then what has no document any more."""
        if self._front is None:
            return []
        return self._homes.offered(self._front) or ([] if self._homeless_shown else self._homes.homeless())

    def _offer(self) -> str:
        offered = self._offered()
        return words.offer_sentence(len(offered), homeless=self._homes.is_homeless(offered[0])) if offered else ""

    def _show(self) -> None:
        item = self._all.get(self.peeked or self.pinned)
        self._showing.show(item, self._front if item is not None else None)

    def _named(self, item_ids: tuple[str, ...]) -> list[Item]:
        return [item for item in map(self._all.get, item_ids) if item is not None]

    # Arriving.

    def _arrived(self, item_id: str) -> None:
        item = self._all.get(item_id)
        assert item is not None
        home = self._homes.of(item)
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

    def _read_history(self) -> None:
        """Of the document in front; what is on disk here is known before, so that nothing is taken for a copy."""
        if self._resumed and self._front is not None:
            self._history.look_at(self._front, self._homes.keys(self._front))

    def _left_behind(self) -> Found:
        self._journal.sweep(self._now())
        return with_thumbnails(self._journal, self._journal.all())

    def _taken_up(self, found: Found, *, earlier: bool) -> None:
        self._all.take_up(found, earlier=earlier)
        self._resumed = True
        self._read_history()
        for document_id in self._homes.open_documents():
            self._history.touch(document_id)
        self._update()

    def _restored(self, found: list[Kept]) -> None:
        self._link.lanes.run(
            "history",
            lambda: with_thumbnails(self._journal, found),
            lambda taken: self._taken_up(taken, earlier=False),
            self._not_done,
        )

    # Noting.

    def _look_at_layers(self) -> None:
        """Takes the mark from what is a layer no more, and gives it back to what is one again."""
        if self.items and self._front is not None:
            for item in changed(self._homes.items(self._front), self._canvas.recipes(self._front)):
                self._mark(item, applied=not item.applied)

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
        home = self._homes.of(item)
        if home is not None:
            self._history.touch(home)

    def _placed(self, item: Item, document_id: str) -> None:
        if self._homes.of(item) is None:
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
        for item in self._all.items():
            if all((piece.entry.key, piece.mark.n) in full for piece in item.pieces):
                self._all.mark(item.id, saved=True)
        self._update()
        for key, n in full:
            self._link.lanes.run("disk", partial(self._journal.mark, key, n, saved=True), failed=self._not_done)

    def _not_read(self, error: Exception) -> None:
        self._taken_up([], earlier=True)
        self._not_done(error)

    def _not_done(self, error: Exception) -> None:
        self.told.emit(disk_notice(error))
