"""What one press of the button paints: which parts of the document, in which sizes, under which masks.

Values in, values out: no Krita, no Qt. `plan` decides; everything after it does as it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .rect import Rect

__all__ = ["Context", "Fill", "Mask", "ModelSize", "PaintPlan", "PlanSettings", "Rect", "RegionPlan", "Scene", "Task"]


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
    parts, at least one where there is a selection. `layer`: bounds of the active layer's content. `paint`: bounds of its
    opaque pixels, where they may serve as the mask. `holes`: bounds of the transparent pixels of what is seen, coarse
    ones (too large, never too small). `is_empty`: nothing is painted in the selection, or else in the canvas.
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


@dataclass(frozen=True)
class ModelSize:
    """The size a model was trained on. `multiple`: sides are asked for in multiples of so many pixels. `max_pixels`: the
    service's limit for one picture; None: it has none."""

    width: int
    height: int
    multiple: int = 16
    max_pixels: int | None = None

    @property
    def trained_pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class RegionPlan:
    """One picture of the service: `area` (document pixels of now) is captured, sent and painted over.

    The model paints `width` × `height`, which maps onto exactly the area; with `first_pass` it paints that size first and
    enlarges it. `area` may reach outside the canvas for EXPAND only. Where `mask` is not ALL, it is taken from within
    `target` (of what is selected there, the bounds after `grow`), `grow` pixels wider, with a soft edge of `feather` pixels
    to either side.
    """

    area: Rect
    width: int
    height: int
    first_pass: tuple[int, int] | None = None
    mask: Mask = Mask.ALL
    target: Rect | None = None
    grow: int = 0
    feather: int = 0
    fill: Fill = Fill.NONE
    match_colours: bool = False

    @property
    def selected(self) -> bool:
        """Whether only a part of it is painted."""
        return self.mask is not Mask.ALL


@dataclass(frozen=True)
class PaintPlan:
    """All that one press paints.

    `mode`: text_to_image, image_to_image or inpaint, as the wire names them. `canvas`: the canvas after this, in pixels of
    now: larger than it for EXPAND, where its x and y are 0 or negative.
    """

    task: Task
    mode: str
    strength: float
    regions: tuple[RegionPlan, ...]
    canvas: Rect
    keep_transparency: bool = False

    @property
    def needs_image(self) -> bool:
        """Whether pixels have to be read: the engine starts from them, or the result takes their transparency."""
        return self.mode != "text_to_image" or self.keep_transparency

    @property
    def needs_mask(self) -> bool:
        return self.mode == "inpaint"
