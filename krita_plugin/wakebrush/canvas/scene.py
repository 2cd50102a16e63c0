"""What a plan is made from: what the canvas sees, and what she has set. Values only: no Krita, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..i18n import tr
from .rect import Rect


class Task(str, Enum):
    """What she wants of the picture."""

    GENERATE = "generate"
    REFINE = "refine"
    FILL = "fill"
    EXPAND = "expand"
    ADD = "add"
    REMOVE = "remove"
    BACKGROUND = "background"
    CUSTOM = "custom"

    @property
    def label(self) -> str:
        """Its name in her language."""
        titles = {
            Task.GENERATE: tr("Generate"),
            Task.REFINE: tr("Refine"),
            Task.FILL: tr("Fill"),
            Task.EXPAND: tr("Expand"),
            Task.ADD: tr("Add"),
            Task.REMOVE: tr("Remove"),
            Task.BACKGROUND: tr("Replace background"),
            Task.CUSTOM: tr("Custom"),
        }
        return titles[self]


class Context(str, Enum):
    """How much of the document the model sees around what it paints."""

    AUTOMATIC = "automatic"
    MASK = "mask"
    IMAGE = "image"
    LAYER = "layer"


class Fill(str, Enum):
    """What is under the mask when the engine begins.

    NONE: what is there. NEUTRAL: grey. BLUR: what is there, without its forms. BORDER: the colours around, carried inward.
    REPLACE: a scatter of the colours around. MODEL: what the engine's own inpaint model makes of it; BORDER where it has none.
    """

    NONE = "none"
    NEUTRAL = "neutral"
    BLUR = "blur"
    BORDER = "border"
    REPLACE = "replace"
    MODEL = "model"


class Mask(str, Enum):
    """What says where a region is painted.

    ALL: all of it. SELECTION: the selected pixels. PAINT: the opaque pixels of the active layer. MARGINS: what lies outside
    the canvas as it is. HOLES: the transparent pixels of what was captured.
    """

    ALL = "all"
    SELECTION = "selection"
    PAINT = "paint"
    MARGINS = "margins"
    HOLES = "holes"


@dataclass(frozen=True)
class Scene:
    """What the canvas sees now.

    `canvas`: width and height in pixels. `selection`: bounds of the selected pixels; `islands`: bounds of its separate
    parts, where they are known. `layer`: bounds of the active layer's content. `paint`: bounds of its opaque pixels, where
    they may serve as the mask. `holes`: bounds of the transparent pixels of what is seen, coarse ones (too large, never too
    small). `is_empty`: nothing is painted in the selection, or else in the canvas.
    """

    canvas: tuple[int, int]
    selection: Rect | None = None
    islands: tuple[Rect, ...] = ()
    layer: Rect | None = None
    paint: Rect | None = None
    holes: Rect | None = None
    is_empty: bool = False

    @property
    def whole(self) -> Rect:
        """The canvas as a rectangle."""
        return Rect(0, 0, *self.canvas)

    @property
    def selected(self) -> Rect | None:
        """The bounds of the selection within the canvas; None when nothing of it is selected."""
        box = None if self.selection is None else self.selection.clipped(self.whole)
        return None if box is None or box.is_empty else box


@dataclass(frozen=True)
class PlanSettings:
    """What she has set.

    `context` and `fill` count for CUSTOM only, `strength` (above 0, up to 1) for REFINE and CUSTOM. `feather` (to either
    side of the edge), `grow` and `padding` are per cent of the shorter side of what is selected; the feather is
    `feather_least` pixels at least. `least_size`: a region has so many pixels a side, where the canvas has room.
    `multiplier`: pixels asked of the model per document pixel, along one side. `megapixels`: the most of one picture; None
    leaves it to the model. `margins`: left, top, right, bottom in pixels, for EXPAND.
    """

    task: Task = Task.GENERATE
    context: Context = Context.AUTOMATIC
    fill: Fill = Fill.NONE
    strength: float = 1.0
    feather: float = 5.0
    feather_least: int = 8
    grow: float = 3.0
    padding: float = 20.0
    least_size: int = 512
    multiplier: float = 1.0
    megapixels: float | None = None
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    mask_from_layer: bool = False
    keep_transparency: bool = False
    match_colours: bool = True
    split_islands: bool = True
