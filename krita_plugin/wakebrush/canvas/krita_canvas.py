"""The canvas of a running Krita (see base.Canvas)."""

from __future__ import annotations

from functools import partial

from krita import Document, Krita, Node, Selection

from ..i18n import tr
from ..qt import QByteArray, QTimer
from . import annotation, documents, floating, looking, nodes, pixels, reading
from .base import (
    HISTORY,
    ActiveLayer,
    CanvasEvents,
    CanvasState,
    Capture,
    Done,
    Finished,
    Icon,
    LayerPixels,
    NoDocument,
    Part,
    Placement,
    Source,
)
from .emptiness import EmptinessScan
from .gray import gray_bytes
from .layers import Insertion, Order, Rooms
from .masks import Masks
from .notes import Notes
from .opened import OpenDocuments
from .overlay import CanvasOverlay
from .placing import Enlargements
from .plan import PaintPlan, RegionPlan
from .rect import Rect
from .replaced import Replaced
from .scene import Mask, PlanSettings, Scene


class KritaCanvas:
    """Krita's documents. One is enough for the whole plugin."""

    def __init__(self) -> None:
        self.events = CanvasEvents()
        self.overlay = CanvasOverlay(self.active_document)
        self._opened = OpenDocuments()
        self._rooms = Rooms(
            self._opened, Masks(), Enlargements(), Replaced(self._opened.find), lambda document: self._notes_of(document).recipes
        )
        self._emptiness = EmptinessScan()
        self._notes: dict[str, Notes] = {}
        self._noticed: set[str] = set()
        self._under_way: set[Insertion] = set()
        notifier = Krita.instance().notifier()
        notifier.setActive(True)
        notifier.imageSaved.connect(self._saved)
        # What was closed is still there while it is told.
        notifier.viewClosed.connect(lambda *_: QTimer.singleShot(0, self._closed))
        notifier.imageClosed.connect(lambda *_: QTimer.singleShot(0, self._closed))

    def active_document(self) -> str | None:
        document = documents.active()
        return None if document is None else self._opened.identity(document)

    def state(self) -> CanvasState:
        document = documents.active()
        if document is None:
            return CanvasState(None, has_selection=False, is_empty=True)
        document_id = self._opened.identity(document)
        area, selected = _looked_at(document)
        is_empty = self._emptiness.look(document, document_id, area)
        return CanvasState(document_id, selected, is_empty, self._active_layer(document))

    def scene(self, settings: PlanSettings) -> Scene:
        document = self._active()
        area, _ = _looked_at(document)
        return looking.scene(document, settings, self._emptiness.look(document, self._opened.identity(document), area))

    def capture(self, plan: PaintPlan, region: int, source: Source) -> Capture:
        document, part = self._active(), plan.regions[region]
        capture = Capture(
            document_id=self._opened.identity(document),
            document_path=document.fileName(),
            plan=plan,
            region=part,
            pixels=reading.picture(document, part.area, source) if plan.needs_image else None,
            selection=_mask(document, part),
            frame=documents.frame(document),
        )
        self._opened.keep(document)
        return capture

    def finish(self, capture: Capture) -> Finished:
        return pixels.finish(capture)

    def prepare(self, picture: bytes, region: RegionPlan, kept: Finished) -> LayerPixels:
        return pixels.prepare(picture, region, kept)

    def insert(
        self, document_id: str, layers: tuple[LayerPixels, ...], name: str, placement: Placement, recipe: str, done: Done
    ) -> None:
        def finished(problem: str | None) -> None:
            self._under_way.discard(insertion)
            done(problem)

        insertion = Insertion(
            self._rooms,
            Order(document_id, layers, name, placement),
            added=partial(self._note_recipe, recipe),
            remark=partial(self.events.remark.emit, document_id),
            done=finished,
        )
        self._under_way.add(insertion)
        insertion.start()

    def here(self, document_id: str, area: Rect, captured: tuple[int, int]) -> Rect:
        document = self._opened.find(document_id)
        if document is None:
            return area
        shift = self._rooms.enlargements.shift(document_id, documents.size(document), captured, None)
        return area.moved(shift.dx, shift.dy)

    def frame(self, document_id: str) -> int | None:
        document = self._opened.find(document_id)
        return None if document is None else documents.frame(document)

    def select(self, area: Rect, shape: tuple[Part, ...] = ()) -> None:
        document = documents.active()
        if document is not None:
            selection = Selection()
            for image, place in shape:
                part = Selection()
                part.setPixelData(QByteArray(gray_bytes(image)), place.x, place.y, place.width, place.height)
                selection.add(part)
            if not shape:
                selection.select(area.x, area.y, area.width, area.height, 255)
            document.setSelection(selection)

    def is_open(self, document_id: str) -> bool:
        return self._opened.find(document_id) is not None

    def find(self, document_path: str, document_id: str = "") -> str | None:
        return self._opened.known_as(document_path, document_id)

    def path_of(self, document_id: str) -> str:
        document = self._opened.find(document_id)
        return "" if document is None else str(document.fileName())

    def modified(self, document_id: str) -> bool:
        document = self._opened.find(document_id)
        return document is not None and bool(document.modified())

    def annotation(self, document_id: str, key: str = HISTORY) -> bytes:
        document = self._opened.find(document_id)
        return b"" if document is None else annotation.read(document, key)

    def set_annotation(self, document_id: str, content: bytes, key: str = HISTORY) -> None:
        document = self._opened.find(document_id)
        if document is not None:
            self._opened.keep(document)
            annotation.write(document, key, content)

    def recipe_of_active_layer(self) -> str | None:
        document = documents.active()
        layer = None if document is None else nodes.layer_of(document.activeNode())
        return None if layer is None else self._notes_of(document).recipes.get(nodes.id_of(layer))

    def recipes(self, document_id: str) -> tuple[str, ...]:
        document = self._opened.find(document_id)
        return () if document is None else self._notes_of(document).made(document)

    def unseen(self) -> tuple[str, ...]:
        document = documents.active()
        return () if document is None else tuple(sorted(self._notes_of(document).unseen))

    def set_unseen(self, unseen: bool) -> None:
        document = documents.active()
        layer = None if document is None else nodes.layer_of(document.activeNode())
        if layer is not None:
            notes = self._notes_of(document)
            notes.unseen = notes.unseen | {nodes.id_of(layer)} if unseen else notes.unseen - {nodes.id_of(layer)}
            notes.keep(document)

    def notice(self) -> str | None:
        document = documents.active()
        sentence = None if document is None else documents.notice(document)
        if sentence is None or self._opened.identity(document) in self._noticed:
            return None
        self._noticed.add(self._opened.identity(document))
        return sentence

    def message(self, sentence: str, icon: Icon) -> None:
        floating.show(sentence, icon)

    def only_canvas(self) -> bool:
        return floating.only_canvas()

    def take_keys(self) -> None:
        floating.take_keys()

    def _active(self) -> Document:
        document = documents.active()
        if document is None:
            raise NoDocument(tr("Open or create a document first; there is nothing to paint in."))
        return document

    def _active_layer(self, document: Document) -> ActiveLayer | None:
        layer = nodes.layer_of(document.activeNode())
        if layer is None:
            return None
        notes, layer_id = self._notes_of(document), nodes.id_of(layer)
        in_group = nodes.group_of(layer) is not None
        return ActiveLayer(layer_id, layer.name(), layer_id in notes.unseen, notes.recipes.get(layer_id), in_group)

    def _notes_of(self, document: Document) -> Notes:
        document_id = self._opened.identity(document)
        if document_id not in self._notes:
            self._notes[document_id] = Notes.of(document)
        return self._notes[document_id]

    def _note_recipe(self, recipe: str, document: Document, node: Node) -> None:
        if recipe:
            notes = self._notes_of(document)
            notes.recipes[nodes.id_of(node)] = recipe
            notes.keep(document)

    def _saved(self, path: str) -> None:
        document_id = self._opened.saved(path)
        if document_id is not None:
            self.events.saved.emit(document_id, path)

    def _closed(self) -> None:
        for document_id in self._opened.gone():
            self._notes.pop(document_id, None)
            self.events.closed.emit(document_id)
        self.overlay.refresh()


def _looked_at(document: Document) -> tuple[Rect, bool]:
    """Where to look for paint: the selection, or else the whole canvas; and whether it is the selection."""
    whole = Rect(0, 0, *documents.size(document))
    selected = documents.selection_of(document)
    area = whole if selected is None else selected[1].clipped(whole)
    return (whole, False) if selected is None or area.is_empty else (area, True)


def _mask(document: Document, region: RegionPlan) -> QByteArray | None:
    """What the region is painted through, one byte per pixel of its area."""
    area = region.area
    if region.mask is Mask.SELECTION:
        selection = document.selection()
        if selection is None:
            raise NoDocument(tr("The selection is gone. Select again what is to be painted."))
        return selection.pixelData(area.x, area.y, area.width, area.height)
    if region.mask is Mask.PAINT:
        layer = nodes.layer_of(document.activeNode())
        if layer is None:
            raise NoDocument(tr("No layer is active, so there is no paint to take as a mask. Choose a layer."))
        return QByteArray(reading.layer_alpha(document, layer, area))
    return None
