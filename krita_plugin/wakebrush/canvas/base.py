"""What the rest of the plugin needs of a canvas, whoever provides it.

Three calls carry pixels, in two threads:

    capture (GUI thread) → finish (any thread) → PNG, upload …   … result → prepare (any thread) → insert (GUI thread)

`capture` and `insert` make Krita's own calls only; everything that costs time (scaling, feathering, decoding) is in
`finish` and `prepare`, which know no Krita, and are called off the GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..qt import QByteArray, QImage
from .region import ModelSize, Rect, RegionPlan, RegionSettings


class UnreadablePicture(ValueError):
    """The bytes of a result are no picture that Qt can decode; the message is a sentence."""


class NoDocument(RuntimeError):
    """Nothing is open to paint in; the message is a sentence."""


@dataclass(frozen=True)
class CanvasState:
    """`is_empty`: nothing is painted in the selection (or the canvas): one colour all over, or nothing at all."""

    document_id: str | None
    has_selection: bool
    is_empty: bool


@dataclass(frozen=True)
class Capture:
    """Pixels as Krita gave them, all of the area's size; a part that was not asked for is None.

    `pixels`: sRGB, 32-bit with straight alpha. `selection`: one byte per pixel, rows without gaps, 255 where fully
    selected; already grown.
    """

    document_id: str
    document_path: str
    plan: RegionPlan
    pixels: QImage | None
    selection: QByteArray | None
    mask_wanted: bool


@dataclass(frozen=True)
class Finished:
    """A capture made ready to be sent.

    `image`: RGB32, opaque, `plan.width` × `plan.height`. `mask`: Grayscale8 of the same size, white where the engine
    paints; it covers all of `alpha`. `alpha`: Grayscale8 of the area's size, how much of the result shows; None: all.
    """

    image: QImage | None
    mask: QImage | None
    alpha: QImage | None


@dataclass(frozen=True)
class Band:
    """Some rows of a layer, from document row `top`: 8-bit sRGB, blue-green-red-alpha, straight alpha, no gaps."""

    top: int
    rows: int
    pixels: QByteArray


@dataclass(frozen=True)
class LayerPixels:
    """A layer's pixels, in bands from the top; each is small enough to be written without a pause in the GUI."""

    area: Rect
    bands: tuple[Band, ...]


Done = Callable[[str | None], None]
"""Called once, in the GUI thread: None when it is done, otherwise a sentence that says why not."""


class Canvas(Protocol):
    """The documents on screen. Every method belongs to the GUI thread, except `finish` and `prepare`."""

    def active_document(self) -> str | None:
        """The id of the document in front, the same as long as it is open; None when there is none."""

    def state(self) -> CanvasState:
        """Cheap enough (a few ms at most) to be asked several times a second."""

    def plan(self, settings: RegionSettings, model: ModelSize) -> RegionPlan:
        """The region a capture would take now. Raises NoDocument."""

    def capture(self, settings: RegionSettings, model: ModelSize, need_image: bool, need_mask: bool) -> Capture:
        """Reads the region. The selection is read whenever there is one: the layer needs it even if the engine gets no
        mask. `need_mask` without a selection means the whole area. Raises NoDocument."""

    def finish(self, capture: Capture) -> Finished:
        """Fills what is transparent, scales for the model, grows and feathers. Any thread; tens to hundreds of ms."""

    def prepare(self, picture: bytes, area: Rect, alpha: QImage | None) -> LayerPixels:
        """Decodes a result, scales it onto the area and bakes in `alpha`. Any thread. Raises UnreadablePicture."""

    def insert(self, document_id: str, layer: LayerPixels, name: str, done: Done) -> None:
        """Waits until nothing is under way (a stroke, a transform, a held button or pen), then adds one layer above the
        active one, in one undo step, and keeps the active layer."""

    def is_open(self, document_id: str) -> bool:
        """Whether that document is still open."""

    def find(self, document_path: str) -> str | None:
        """The id of the open document that was saved as this file; None when it is not open."""

    def notice(self) -> str | None:
        """A sentence the artist should see once for the document in front, or None."""
