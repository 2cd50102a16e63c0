"""A canvas without Krita: documents are names, layers a list."""

from __future__ import annotations

from wakebrush.canvas.base import CanvasState, Capture, Done, Finished, LayerPixels, NoDocument
from wakebrush.canvas.region import ModelSize, Rect, RegionPlan, RegionSettings, plan
from wakebrush.qt import QByteArray, QImage, Qt


class FakeCanvas:
    """`documents`: path by id. `layers`: what was inserted, as (document, name, area)."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {"d1": "/pictures/castle.kra"}
        self.active: str | None = "d1"
        self.selection: Rect | None = None
        self.empty = True
        self.size = (640, 480)
        self.layers: list[tuple[str, str, Rect]] = []
        self.waiting: list[Done] = []
        self.busy = False
        self.problem: str | None = None
        self.captures = 0
        self.said: str | None = None

    def active_document(self) -> str | None:
        return self.active

    def state(self) -> CanvasState:
        return CanvasState(self.active, self.selection is not None, self.empty)

    def plan(self, settings: RegionSettings, model: ModelSize) -> RegionPlan:
        if self.active is None:
            raise NoDocument("Open or create a document first.")
        return plan(self.selection, self.size, settings, model)

    def capture(self, settings: RegionSettings, model: ModelSize, need_image: bool, need_mask: bool) -> Capture:
        self.captures += 1
        planned = self.plan(settings, model)
        area = planned.area
        pixels = QImage(area.width, area.height, QImage.Format.Format_ARGB32) if need_image else None
        if pixels is not None:
            pixels.fill(Qt.GlobalColor.red)
        selection = QByteArray(bytes([255]) * (area.width * area.height)) if planned.selected else None
        return Capture(self.active or "", self.documents[self.active or ""], planned, pixels, selection, need_mask)

    def finish(self, capture: Capture) -> Finished:
        size = capture.plan.width, capture.plan.height
        image = None if capture.pixels is None else capture.pixels.scaled(*size).convertToFormat(QImage.Format.Format_RGB32)
        mask = _grey(*size) if capture.mask_wanted else None
        area = capture.plan.area
        return Finished(image, mask, _grey(area.width, area.height) if capture.plan.selected else None)

    def prepare(self, picture: bytes, area: Rect, alpha: QImage | None) -> LayerPixels:
        assert alpha is None or (alpha.width(), alpha.height()) == (area.width, area.height)
        return LayerPixels(area, QByteArray(picture))

    def insert(self, document_id: str, layer: LayerPixels, name: str, done: Done) -> None:
        def add(problem: str | None) -> None:
            if problem is None:
                self.layers.append((document_id, name, layer.area))
            done(problem)

        if self.busy:
            self.waiting.append(add)
        else:
            add(self.problem)

    def lift_the_pen(self) -> None:
        """What waited for a stroke to end is inserted now."""
        self.busy = False
        for add in self.waiting:
            add(None)
        self.waiting.clear()

    def is_open(self, document_id: str) -> bool:
        return document_id in self.documents

    def find(self, document_path: str) -> str | None:
        return next((each for each, path in self.documents.items() if path == document_path), None)

    def notice(self) -> str | None:
        said, self.said = self.said, None
        return said


def _grey(width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_Grayscale8)
    image.fill(255)
    return image
