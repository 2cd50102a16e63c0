"""What one press of the button paints: which parts of the document, in which sizes, under which masks.

Values in, values out: no Krita, no Qt. `plan` decides; everything after it does as it is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..i18n import tr
from .rect import Rect
from .scene import Context, Fill, Mask, PlanSettings, Scene, Task
from .sizes import ModelSize, asked_size, first_pass
from .targets import NothingToPaint, enlarged, mask_of, part_of, parts_of, widened

__all__ = [
    "Context", "Fill", "Mask", "ModelSize", "NothingToPaint", "PaintPlan", "PlanSettings", "Rect", "RegionPlan", "Scene", "Task",
    "plan",
]  # fmt: skip

FILLS = {
    Task.FILL: Fill.BLUR,
    Task.EXPAND: Fill.BORDER,
    Task.ADD: Fill.NEUTRAL,
    Task.REMOVE: Fill.MODEL,
    Task.BACKGROUND: Fill.REPLACE,
}
"""How much of what was there may shine through: its light for a filling, nothing at all for a new background."""


@dataclass(frozen=True)
class RegionPlan:
    """One picture of the service: `area` (document pixels of now) is captured, sent and painted over.

    The model paints `width` × `height`, which maps onto exactly the area; with `first_pass` it paints that size first and
    enlarges it. `area` may reach outside the canvas for EXPAND only. Where `mask` is not ALL, it is taken from within
    `target` (the bounds of what is painted, after `grow`), `grow` pixels wider, with a soft edge of `feather` pixels to
    either side. `match_colours`: the result is made to agree with what lies around it.
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

    `mode`: text_to_image, image_to_image or inpaint, as the wire names them. `now`: the canvas as it is. `canvas`: the canvas
    after this, in pixels of now: larger for EXPAND, where its x and y are 0 or negative.
    """

    task: Task
    mode: str
    strength: float
    regions: tuple[RegionPlan, ...]
    now: Rect
    canvas: Rect
    keep_transparency: bool = False

    @property
    def needs_image(self) -> bool:
        """Whether pixels have to be read: the engine starts from them, or the result takes their transparency."""
        return self.mode != "text_to_image" or self.keep_transparency

    @property
    def needs_mask(self) -> bool:
        return self.mode == "inpaint"

    def kept_within(self, overlap: int) -> Rect:
        """What of the present canvas a larger one keeps, where the new parts overlap it by so many pixels."""
        now, canvas = self.now, self.canvas
        x, y = (now.x + overlap if canvas.x < now.x else now.x), (now.y + overlap if canvas.y < now.y else now.y)
        right = now.right - overlap if canvas.right > now.right else now.right
        bottom = now.bottom - overlap if canvas.bottom > now.bottom else now.bottom
        return Rect(x, y, max(0, right - x), max(0, bottom - y))

    def describe(self) -> str:
        """What it does, in one sentence."""
        parts = "; ".join(_described(region) for region in self.regions)
        return f"{self.task.label} {parts}"


def plan(scene: Scene, settings: PlanSettings, model: ModelSize) -> PaintPlan:
    """What to capture and what to ask for.

    Areas are widened to multiples of the model's step where the canvas has room, so that a picture of the area's own size
    needs no scaling. Raises NothingToPaint, a sentence, when the task has nothing to work on here; ValueError for a canvas
    without pixels.
    """
    if scene.whole.is_empty:
        raise ValueError(f"A canvas of {scene.canvas[0]} × {scene.canvas[1]} pixels has no region.")
    mask = mask_of(scene, settings)
    mode, strength = _mode(settings, mask)
    canvas = enlarged(scene.whole, settings.margins) if mask is Mask.MARGINS else scene.whole
    rule = _Rule(scene, settings, model, mask, mode, canvas)
    parts = parts_of(scene, settings, mask, canvas, rule)
    return PaintPlan(
        settings.task,
        mode,
        strength,
        tuple(rule.region(part, strength) for part in parts),
        scene.whole,
        canvas,
        keep_transparency=settings.keep_transparency and settings.task is not Task.EXPAND,
    )


def _mode(settings: PlanSettings, mask: Mask) -> tuple[str, float]:
    """The wire's mode, with the strength that goes with it."""
    task = settings.task
    strength = settings.strength if task in (Task.REFINE, Task.CUSTOM) else 1.0
    if task is Task.GENERATE or (mask is Mask.ALL and strength >= 1):
        return "text_to_image", 1.0
    return ("image_to_image" if mask is Mask.ALL else "inpaint"), strength


@dataclass(frozen=True)
class _Rule:
    """How bounds of what is painted become a region, the same for all parts of one plan."""

    scene: Scene
    settings: PlanSettings
    model: ModelSize
    mask: Mask
    mode: str
    canvas: Rect

    def region(self, part: Rect, strength: float) -> RegionPlan:
        area = self.area(part)
        size = asked_size(area, self.model, self.settings.multiplier, self.settings.megapixels)
        first = first_pass(size, self.model, strength)
        if self.mask is Mask.ALL:
            return RegionPlan(area, *size, first_pass=first)
        grow, target, feather = self.edge(part)
        return RegionPlan(
            area,
            *size,
            first_pass=first,
            mask=self.mask,
            target=target,
            grow=grow,
            feather=feather,
            fill=Fill.NONE if self.mode != "inpaint" else FILLS.get(self.settings.task, self.fill),
            match_colours=self.settings.match_colours and self.mode == "inpaint",
        )

    @property
    def fill(self) -> Fill:
        """For the tasks that have none of their own."""
        return self.settings.fill if self.settings.task is Task.CUSTOM else Fill.NONE

    def area(self, part: Rect) -> Rect:
        """What is captured and painted over, for bounds of what is painted."""
        multiple = self.model.multiple
        if self.mask is Mask.ALL:
            layer = (
                None if self.context is not Context.LAYER or self.scene.layer is None else self.scene.layer.clipped(self.canvas)
            )
            return self.canvas if layer is None or layer.is_empty else widened(layer, 0, multiple, self.canvas)
        _, target, feather = self.edge(part)
        needed = target.grown(feather).clipped(self.canvas)
        if self.context is Context.IMAGE:
            return self.canvas
        if self.context is Context.MASK or self.mode == "text_to_image":
            return widened(needed, 0, multiple, self.canvas)
        if self.context is Context.LAYER and self.scene.layer is not None:
            seen = needed.united(self.scene.layer.clipped(self.canvas)) if self.scene.layer.meets(self.canvas) else needed
            return widened(seen, 0, multiple, self.canvas)
        seen = needed.grown(self._padding(part)).clipped(self.canvas)
        return widened(seen, self.settings.least_size, multiple, self.canvas)

    def soft(self, part: Rect) -> Rect:
        """Where it changes anything, for bounds of what is painted."""
        _, target, feather = self.edge(part)
        return target.grown(feather)

    @property
    def context(self) -> Context:
        return self.settings.context if self.settings.task is Task.CUSTOM else Context.AUTOMATIC

    def edge(self, part: Rect) -> tuple[int, Rect, int]:
        """By how much the mask is widened, its bounds then, and how soft its edge is to either side."""
        settings = self.settings
        if self.mask in (Mask.MARGINS, Mask.HOLES):
            # The soft edge lies within what is painted already: what is not must be covered wholly.
            feather = min(max(settings.feather_least, part_of(settings.feather, part)), self.scene.whole.shorter_side // 4)
            return feather, part.grown(feather).clipped(self.canvas), feather
        grow = part_of(settings.grow, part)
        target = part.grown(grow).clipped(self.canvas)
        return grow, target, fitting_feather(max(settings.feather_least, part_of(settings.feather, target)), target)

    def _padding(self, part: Rect) -> int:
        if self.mask is Mask.MARGINS:  # as much of the picture as is new, or the model would not know how to go on
            return max(part.shorter_side, self.settings.least_size - part.shorter_side)
        return part_of(self.settings.padding, part)


def fitting_feather(feather: int, target: Rect) -> int:
    """At most a quarter of the selection's shorter side: more would leave a small selection without a solid middle."""
    return max(0, min(feather, target.shorter_side // 4))


def _described(region: RegionPlan) -> str:
    area = region.area
    where = f"{area.width} × {area.height}" + ("" if area.x == area.y == 0 else tr(" at ({x}, {y})", x=area.x, y=area.y))
    asked = (region.width, region.height)
    if asked == (area.width, area.height) and region.first_pass is None:
        return where
    if region.first_pass is None:
        return tr("{where}, painted at {width} × {height}", where=where, width=asked[0], height=asked[1])
    return tr("{where}, painted at {width} × {height} in two passes", where=where, width=asked[0], height=asked[1])
