"""Pixels on their way between a canvas and the service, as values: what was read, what is sent, what becomes a layer."""

from __future__ import annotations

from dataclasses import dataclass

from ..qt import QByteArray, QImage
from .plan import PaintPlan, RegionPlan
from .rect import Rect


class UnreadablePicture(ValueError):
    """The bytes of a result are no picture that Qt can decode; the message is a sentence."""


@dataclass(frozen=True)
class Capture:
    """Pixels of one region as Krita gave them, all of `region.area`'s size; a part that was not asked for is None.

    `pixels`: sRGB, 32-bit with straight alpha, transparent outside the canvas; read when `plan.needs_image`.
    `selection`: one byte per pixel, rows without gaps, 255 where fully selected: for Mask.SELECTION the selected pixels, for
    Mask.PAINT the alpha of the active layer's own pixels; None otherwise. `finish` grows it by `region.grow`. `frame`: of the
    animation; None where nothing is animated.
    """

    document_id: str
    document_path: str
    plan: PaintPlan
    region: RegionPlan
    pixels: QImage | None
    selection: QByteArray | None
    frame: int | None = None


@dataclass(frozen=True)
class Finished:
    """A capture made ready to be sent, and what its result will be laid over with.

    `image`: RGB32, opaque, `region.width` × `region.height`, filled under the mask. `mask`: Grayscale8 of the same size,
    white where the engine paints; it covers all of `alpha`. `alpha`: Grayscale8 of the area's size, how much of the result
    shows; None: all. `opacity`: Grayscale8 of the area's size, the input's own alpha that the result takes over; None: opaque.
    """

    image: QImage | None
    mask: QImage | None
    alpha: QImage | None
    opacity: QImage | None = None


@dataclass(frozen=True)
class Band:
    """Some rows of a layer, from document row `top`: 8-bit sRGB, blue-green-red-alpha, straight alpha, no gaps."""

    top: int
    rows: int
    pixels: QByteArray


@dataclass(frozen=True)
class LayerPixels:
    """One region of a layer, in bands from the top; each is small enough to be written without a pause in the GUI."""

    area: Rect
    bands: tuple[Band, ...]
