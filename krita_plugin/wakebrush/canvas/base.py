"""What the rest of the plugin needs of a canvas, whoever provides it.

Calls that carry pixels, in two threads:

    scene → plan → capture (GUI thread) → finish (any thread) → PNG, upload …
    … result → prepare (any thread) → overlay.show, insert (GUI thread)

`scene`, `capture` and `insert` make Krita's own calls only; everything that costs time (scaling, feathering, decoding) is
in `finish` and `prepare`, which know no Krita, and are called off the GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ..qt import QImage, QObject, Signal
from .capture import Band, Capture, Finished, LayerPixels, UnreadablePicture
from .plan import PaintPlan, RegionPlan
from .rect import Rect
from .scene import PlanSettings, Scene

__all__ = [
    "ActiveLayer",
    "Band",
    "Canvas",
    "CanvasEvents",
    "CanvasState",
    "Capture",
    "Done",
    "Finished",
    "Icon",
    "LayerPixels",
    "NoDocument",
    "Overlay",
    "Part",
    "Placement",
    "Read",
    "Source",
    "UnreadablePicture",
    "Where",
]

HISTORY = "history"
SETTINGS = "settings"
"""Keys of the annotations of a document (see Canvas.annotation)."""


class NoDocument(RuntimeError):
    """Nothing is open to paint in, or nothing to read there; the message is a sentence."""


class Read(str, Enum):
    """What the model sees: everything that is visible, up to the active layer, or the active layer's group alone."""

    VISIBLE = "visible"
    BELOW = "below"
    GROUP = "group"


@dataclass(frozen=True)
class Source:
    """`unseen`: ids of layers that are left out of what is read, with all that is in them."""

    read_from: Read = Read.VISIBLE
    unseen: tuple[str, ...] = ()


class Where(str, Enum):
    """Where a result goes. TOP of all layers (of the group, for what was read from one); ABOVE the layer it was read at;
    REPLACE: above it, and the layer is hidden, in the same undo step."""

    TOP = "top"
    ABOVE = "above_active"
    REPLACE = "replace"


@dataclass(frozen=True)
class Placement:
    """`node`: id of the layer that was active when it was read (the one that is active now, where it is gone or None).
    `group`: the result goes into the group it was read from. `as_mask`: how much of it shows becomes a transparency mask
    that she can paint on; otherwise it is baked into the layer. `captured`: the canvas' width and height when it was read;
    `canvas`: the canvas after it (PaintPlan.canvas). None for either: as it is now.
    """

    where: Where = Where.ABOVE
    node: str | None = None
    group: bool = False
    as_mask: bool = False
    captured: tuple[int, int] | None = None
    canvas: Rect | None = None


@dataclass(frozen=True)
class ActiveLayer:
    """The layer she is on (for a mask: the layer it belongs to). `id` stays the same in the file. `recipe`: how it was made,
    for a result of ours. `in_group`: whether "this group" means anything."""

    id: str
    name: str
    unseen: bool = False
    recipe: str | None = None
    in_group: bool = False


@dataclass(frozen=True)
class CanvasState:
    """`is_empty`: nothing is painted in the selection (or the canvas): one colour all over, or nothing at all."""

    document_id: str | None
    has_selection: bool
    is_empty: bool
    layer: ActiveLayer | None = None


class Icon(str, Enum):
    """What a message on the canvas is about."""

    AWAKE = "awake"
    DONE = "done"
    ERROR = "error"


Done = Callable[[str | None], None]
"""Called once, in the GUI thread: None when it is done, otherwise a sentence that says why not."""

Part = tuple[QImage, Rect]
"""A picture and the document pixels it covers; it is scaled onto them."""


class CanvasEvents(QObject):
    """What happens to documents, in the GUI thread.

    `saved(document_id, path)`: her save, wherever to; only a `.kra` keeps annotations. `closed(document_id)`.
    `remark(document_id, sentence)`: something she should know of what was inserted.
    """

    saved = Signal(str, str)
    closed = Signal(str)
    remark = Signal(str, str)


class Overlay(Protocol):
    """Pictures over the canvas that belong to no document: undo steps, layers, the file know nothing of them.

    `document_id` None is the document in front. A picture is seen while its document is in front, and follows zoom,
    rotation, mirror and scroll.
    """

    def show(self, parts: tuple[Part, ...], *, wipe: float | None = None, document_id: str | None = None) -> None:
        """Shows these instead of what is shown. `wipe`: only what is left of this fraction of the picture's width."""

    def hide(self) -> None:
        """Shows nothing but a preview, if there is one."""

    def preview(self, parts: tuple[Part, ...], *, document_id: str | None = None) -> None:
        """What a running job has so far; seen only while nothing else is shown."""

    def hide_preview(self) -> None:
        """The running job has nothing to show any more."""

    def can_follow(self) -> bool:
        """Whether a picture would be in its place in the view in front; False in wrap-around mode, or without a view."""


class Canvas(Protocol):
    """The documents on screen. Every method belongs to the GUI thread, except `finish` and `prepare`."""

    @property
    def events(self) -> CanvasEvents: ...

    @property
    def overlay(self) -> Overlay: ...

    def active_document(self) -> str | None:
        """The id of the document in front, the same as long as it is open, and in the file once she has saved it; None when
        there is none."""

    def state(self) -> CanvasState:
        """Cheap enough (a few ms at most) to be asked several times a second."""

    def scene(self, settings: PlanSettings) -> Scene:
        """What a plan is made from; what these settings don't ask for is left out. A few ms, or some tens where islands or
        transparent parts are looked for. Raises NoDocument."""

    def capture(self, plan: PaintPlan, region: int, source: Source) -> Capture:
        """Reads region number `region` of the plan. Raises NoDocument."""

    def finish(self, capture: Capture) -> Finished:
        """Fills what is under the mask, scales for the model, feathers. Any thread; tens to hundreds of ms."""

    def prepare(self, picture: bytes, region: RegionPlan, kept: Finished) -> LayerPixels:
        """Decodes a result, scales it onto the region's area, matches its colours and bakes in how much of it shows. `kept`
        is what `finish` gave, or as much of it as is still there. Any thread. Raises UnreadablePicture."""

    def insert(
        self, document_id: str, layers: tuple[LayerPixels, ...], name: str, placement: Placement, recipe: str, done: Done
    ) -> None:
        """Waits until nothing is under way (a stroke, a transform, a held button or pen), then adds one layer with all these
        pixels, in one undo step, and keeps the active layer active. The recipe stays with the layer. A plan that enlarges
        the canvas makes a step of its own of that, below the layer's."""

    def here(self, document_id: str, area: Rect, captured: tuple[int, int]) -> Rect:
        """Where an area lies now that was captured when the canvas had that width and height: it moves when a plan of ours
        enlarges the canvas to the left or upwards."""

    def frame(self, document_id: str) -> int | None:
        """Which frame of its animation a document shows; None for one that is closed, or where nothing is animated."""

    def select(self, area: Rect, shape: tuple[Part, ...] = ()) -> None:
        """Selects a rectangle of the document in front, or what these Grayscale8 pictures say. No undo step."""

    def is_open(self, document_id: str) -> bool:
        """Whether that document is still open."""

    def find(self, document_path: str, document_id: str = "") -> str | None:
        """The id of the open document that was saved as this file or, renamed since, has this id; None when it is not open."""

    def path_of(self, document_id: str) -> str:
        """The file it was last saved as; '' for one that never was, or is closed."""

    def modified(self, document_id: str) -> bool:
        """Whether it has changes that are not saved."""

    def annotation(self, document_id: str, key: str = HISTORY) -> bytes:
        """What the file keeps of ours under this key; empty when there is nothing."""

    def set_annotation(self, document_id: str, content: bytes, key: str = HISTORY) -> None:
        """What her next save will write. It makes no undo step and leaves a document that is saved as saved as it is; so it
        may be called at any time, and is lost with what she does not save."""

    def recipe_of_active_layer(self) -> str | None:
        """How the active layer was made, for a result of ours; it survives save and restart."""

    def recipes(self, document_id: str) -> tuple[str, ...]:
        """How the layers of ours were made that a document has now. Looks at all its layers: not to be asked at speed."""

    def unseen(self) -> tuple[str, ...]:
        """Ids of the layers of the document in front that are left out of what the model sees."""

    def set_unseen(self, unseen: bool) -> None:
        """Leaves the active layer out of what the model sees, or takes it in again. Kept in the file."""

    def notice(self) -> str | None:
        """A sentence the artist should see once for the document in front, or None."""

    def message(self, sentence: str, icon: Icon) -> None:
        """Says something on the canvas itself, for some seconds; seen in canvas-only mode too."""

    def only_canvas(self) -> bool:
        """Whether the window in front shows nothing but the canvas, so that the docker is not seen."""

    def take_keys(self) -> None:
        """Gives the keyboard back to the canvas."""
