"""The canvas of a running Krita (see base.Canvas)."""

from __future__ import annotations

from krita import Document

from ..qt import QByteArray, QImage
from . import documents, pixels, region
from .base import CanvasState, Capture, Done, Finished, LayerPixels, NoDocument
from .documents import OpenDocuments
from .emptiness import EmptinessScan
from .layers import Insertion
from .region import ModelSize, Rect, RegionPlan, RegionSettings

NO_DOCUMENT = "Open or create a document first; there is nothing to paint in."


class KritaCanvas:
    """Krita's documents. One is enough for the whole plugin."""

    def __init__(self) -> None:
        self._opened = OpenDocuments()
        self._emptiness = EmptinessScan()
        self._noticed: set[str] = set()
        self._under_way: set[Insertion] = set()

    def active_document(self) -> str | None:
        document = documents.active()
        return None if document is None else self._opened.identity(document)

    def state(self) -> CanvasState:
        document = documents.active()
        if document is None:
            return CanvasState(None, has_selection=False, is_empty=True)
        document_id = self._opened.identity(document)
        whole = Rect(0, 0, *documents.size(document))
        selected = documents.selection_of(document)
        area = whole if selected is None else selected[1].clipped(whole)
        if area.is_empty:
            selected, area = None, whole
        return CanvasState(document_id, selected is not None, self._emptiness.look(document, document_id, area))

    def plan(self, settings: RegionSettings, model: ModelSize) -> RegionPlan:
        return self._plan(self._active(), settings, model)

    def capture(self, settings: RegionSettings, model: ModelSize, need_image: bool, need_mask: bool) -> Capture:
        document = self._active()
        plan = self._plan(document, settings, model)
        return Capture(
            document_id=self._opened.identity(document),
            document_path=document.fileName(),
            plan=plan,
            pixels=_image(document, plan.area) if need_image else None,
            selection=_selection(document, plan) if plan.selected else None,
            mask_wanted=need_mask,
        )

    def finish(self, capture: Capture) -> Finished:
        return pixels.finish(capture)

    def prepare(self, picture: bytes, area: Rect, alpha: QImage | None) -> LayerPixels:
        return pixels.prepare(picture, area, alpha)

    def insert(self, document_id: str, layer: LayerPixels, name: str, done: Done) -> None:
        def finished(problem: str | None) -> None:
            self._under_way.discard(insertion)
            done(problem)

        insertion = Insertion(self._opened, document_id, layer, name, finished)
        self._under_way.add(insertion)
        insertion.start()

    def is_open(self, document_id: str) -> bool:
        return self._opened.find(document_id) is not None

    def find(self, document_path: str) -> str | None:
        document = documents.saved_as(document_path)
        return None if document is None else self._opened.identity(document)

    def notice(self) -> str | None:
        document = documents.active()
        sentence = None if document is None else documents.notice(document)
        if sentence is None or self._opened.identity(document) in self._noticed:
            return None
        self._noticed.add(self._opened.identity(document))
        return sentence

    def _active(self) -> Document:
        document = documents.active()
        if document is None:
            raise NoDocument(NO_DOCUMENT)
        return document

    def _plan(self, document: Document, settings: RegionSettings, model: ModelSize) -> RegionPlan:
        selected = documents.selection_of(document)
        box = None if selected is None else selected[1]
        return region.plan(box, documents.size(document), settings, model)


def _image(document: Document, area: Rect) -> QImage:
    """What is seen there, as sRGB whatever the document's own colours are (its raw pixels would be of that profile)."""
    return document.projection(area.x, area.y, area.width, area.height)


def _selection(document: Document, plan: RegionPlan) -> QByteArray:
    """The selected pixels of the area, one byte each, grown."""
    selection = document.selection()
    if plan.grow > 0:
        selection = selection.duplicate()
        selection.grow(plan.grow, plan.grow)
    area = plan.area
    return selection.pixelData(area.x, area.y, area.width, area.height)
