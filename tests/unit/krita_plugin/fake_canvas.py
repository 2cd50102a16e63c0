"""A canvas without Krita: documents are names, layers a list."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wakebrush.canvas import pixels
from wakebrush.canvas.base import (
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
from wakebrush.canvas.plan import PaintPlan, RegionPlan
from wakebrush.canvas.rect import Rect
from wakebrush.canvas.scene import Mask, PlanSettings, Scene
from wakebrush.qt import QByteArray, QImage, Qt


@dataclass(frozen=True)
class Inserted:
    """A layer that was added."""

    document_id: str
    name: str
    area: Rect
    layers: tuple[LayerPixels, ...]
    placement: Placement
    recipe: str


class FakeOverlay:
    """`parts`: what is shown; `previewed`: what is seen while nothing is."""

    def __init__(self) -> None:
        self.parts: tuple[Part, ...] = ()
        self.previewed: tuple[Part, ...] = ()
        self.wipe: float | None = None
        self.document_id: str | None = None
        self.follows = True

    @property
    def seen(self) -> tuple[Part, ...]:
        return self.parts or self.previewed

    def show(self, parts: tuple[Part, ...], *, wipe: float | None = None, document_id: str | None = None) -> None:
        self.parts, self.wipe, self.document_id = parts, wipe, document_id

    def hide(self) -> None:
        self.parts, self.wipe = (), None

    def preview(self, parts: tuple[Part, ...], *, document_id: str | None = None) -> None:
        self.previewed, self.document_id = parts, document_id

    def hide_preview(self) -> None:
        self.previewed = ()

    def can_follow(self) -> bool:
        return self.follows


class FakeCanvas:
    """`documents`: path by id. `inserted`: what was inserted; `layers`: the same as (document, name, area).

    What a scene has beyond canvas and selection is `shown`, a Scene of which those two are replaced.
    """

    def __init__(self) -> None:
        self.events = CanvasEvents()
        self.overlay = FakeOverlay()
        self.documents: dict[str, str] = {"d1": "/pictures/castle.kra"}
        self.active: str | None = "d1"
        self.selection: Rect | None = None
        self.shape: tuple[Part, ...] = ()
        self.empty = True
        self.size = (640, 480)
        self.shown = Scene((640, 480))
        self.layer: ActiveLayer | None = ActiveLayer("l1", "ink")
        self.inserted: list[Inserted] = []
        self.waiting: list[Done] = []
        self.busy = False
        self.problem: str | None = None
        self.captures = 0
        self.sources: list[Source] = []
        self.said: str | None = None
        self.messages: list[tuple[str, Icon]] = []
        self.annotations: dict[tuple[str, str], bytes] = {}
        self.changed: set[str] = set()
        self.canvas_only = False
        self.shown_frame: int | None = None
        self.keys_taken = 0

    @property
    def layers(self) -> list[tuple[str, str, Rect]]:
        return [(each.document_id, each.name, each.area) for each in self.inserted]

    def active_document(self) -> str | None:
        return self.active

    def state(self) -> CanvasState:
        layer = self.layer if self.active else None
        return CanvasState(self.active, self.selection is not None, self.empty, layer)

    def scene(self, settings: PlanSettings) -> Scene:
        self._needed()
        islands = self.shown.islands if settings.split_islands else ()
        return replace(self.shown, canvas=self.size, selection=self.selection, islands=islands, is_empty=self.empty)

    def capture(self, plan: PaintPlan, region: int, source: Source) -> Capture:
        document_id = self._needed()
        self.captures += 1
        self.sources.append(source)
        part = plan.regions[region]
        area = part.area
        image = None
        if plan.needs_image:
            image = QImage(area.width, area.height, QImage.Format.Format_ARGB32)
            image.fill(Qt.GlobalColor.red)
        wanted = part.mask in (Mask.SELECTION, Mask.PAINT)
        selection = QByteArray(bytes([255]) * (area.width * area.height)) if wanted else None
        return Capture(document_id, self.documents[document_id], plan, part, image, selection, self.shown_frame)

    def finish(self, capture: Capture) -> Finished:
        return pixels.finish(capture)

    def prepare(self, picture: bytes, region: RegionPlan, kept: Finished) -> LayerPixels:
        return pixels.prepare(picture, region, kept)

    def insert(
        self, document_id: str, layers: tuple[LayerPixels, ...], name: str, placement: Placement, recipe: str, done: Done
    ) -> None:
        def add(problem: str | None) -> None:
            if problem is None:
                area = layers[0].area
                for each in layers[1:]:
                    area = area.united(each.area)
                self.inserted.append(Inserted(document_id, name, area, layers, placement, recipe))
                self.changed.add(document_id)
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

    def save(self, document_id: str, path: str | None = None) -> None:
        """Her save, or save as."""
        self.documents[document_id] = path or self.documents[document_id]
        self.changed.discard(document_id)
        self.events.saved.emit(document_id, self.documents[document_id])

    def close(self, document_id: str) -> None:
        """She closes a document."""
        del self.documents[document_id]
        if self.active == document_id:
            self.active = None
        self.events.closed.emit(document_id)

    def here(self, document_id: str, area: Rect, captured: tuple[int, int]) -> Rect:
        return area

    def frame(self, document_id: str) -> int | None:
        return self.shown_frame if document_id in self.documents else None

    def select(self, area: Rect, shape: tuple[Part, ...] = ()) -> None:
        self.selection, self.shape = area, shape

    def is_open(self, document_id: str) -> bool:
        return document_id in self.documents

    def find(self, document_path: str, document_id: str = "") -> str | None:
        by_path = next((each for each, path in self.documents.items() if path and path == document_path), None)
        return by_path or (document_id if document_id in self.documents else None)

    def path_of(self, document_id: str) -> str:
        return self.documents.get(document_id, "")

    def modified(self, document_id: str) -> bool:
        return document_id in self.changed

    def annotation(self, document_id: str, key: str = HISTORY) -> bytes:
        return self.annotations.get((document_id, key), b"")

    def set_annotation(self, document_id: str, content: bytes, key: str = HISTORY) -> None:
        if document_id in self.documents:
            self.annotations[document_id, key] = content

    def recipe_of_active_layer(self) -> str | None:
        return self.layer.recipe if self.layer and self.active else None

    def recipes(self, document_id: str) -> tuple[str, ...]:
        return tuple(each.recipe for each in self.inserted if each.document_id == document_id)

    def unseen(self) -> tuple[str, ...]:
        return (self.layer.id,) if self.layer and self.layer.unseen else ()

    def set_unseen(self, unseen: bool) -> None:
        if self.layer:
            self.layer = replace(self.layer, unseen=unseen)

    def notice(self) -> str | None:
        said, self.said = self.said, None
        return said

    def message(self, sentence: str, icon: Icon) -> None:
        self.messages.append((sentence, icon))

    def only_canvas(self) -> bool:
        return self.canvas_only

    def take_keys(self) -> None:
        self.keys_taken += 1

    def _needed(self) -> str:
        if self.active is None:
            raise NoDocument("Open or create a document first.")
        return self.active
