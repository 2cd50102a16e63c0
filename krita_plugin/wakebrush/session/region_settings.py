"""How regions are made and results placed, as far as she can set it: the properties, and what a plan takes of them."""

from __future__ import annotations

from typing import Any

from ..canvas.base import Placement, Read, Source, Where
from ..canvas.plan import Context, Fill, PaintPlan, PlanSettings, Task
from .observable import Observable, Property


class RegionSettings(Observable):
    """`task`: '' leaves it to the canvas and the strength. `strength`, `feather`, `grow`, `padding`, `multiplier` in percent;
    `feather_least`, `least_size` and margins in document pixels; `megapixels`: 0 leaves it to the model. `context`, `fill`,
    `read_from` and `where` are values of Context, Fill, Read and Where.
    """

    task = Property("", store=True)
    strength = Property(70, store=True)
    context = Property(Context.AUTOMATIC.value, store=True)
    fill = Property(Fill.NONE.value, store=True)
    feather = Property(5, store=True)
    feather_least = Property(8, store=True)
    grow = Property(3, store=True)
    padding = Property(20, store=True)
    least_size = Property(512, store=True)
    multiplier = Property(100, store=True)
    megapixels = Property(0.0, store=True)
    margin_left = Property(0)
    margin_top = Property(0)
    margin_right = Property(0)
    margin_bottom = Property(0)
    mask_from_layer = Property(False, store=True)
    keep_transparency = Property(False, store=True)
    match_colours = Property(True, store=True)
    split_islands = Property(True, store=True)
    read_from = Property(Read.VISIBLE.value, store=True)
    where = Property(Where.ABOVE.value, store=True)
    as_mask = Property(False, store=True)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """By how many pixels the canvas is to grow: left, top, right, bottom."""
        return self.margin_left, self.margin_top, self.margin_right, self.margin_bottom

    def plan_settings(self, task: Task) -> PlanSettings:
        """What a plan of this task takes of them."""
        return PlanSettings(
            task=task,
            context=_known(Context, self.context, Context.AUTOMATIC),
            fill=_known(Fill, self.fill, Fill.NONE),
            strength=self.strength / 100,
            feather=float(self.feather),
            feather_least=self.feather_least,
            grow=float(self.grow),
            padding=float(self.padding),
            least_size=self.least_size,
            multiplier=self.multiplier / 100,
            megapixels=self.megapixels or None,
            margins=self.margins,
            mask_from_layer=self.mask_from_layer,
            keep_transparency=self.keep_transparency,
            match_colours=self.match_colours,
            split_islands=self.split_islands,
        )

    def take(self, plan: PlanSettings) -> None:
        """Sets all that a plan was made from, to make the same again."""
        self.task, self.strength = plan.task.value, round(plan.strength * 100)
        self.context, self.fill = plan.context.value, plan.fill.value
        self.feather, self.feather_least, self.grow = round(plan.feather), plan.feather_least, round(plan.grow)
        self.padding, self.least_size = round(plan.padding), plan.least_size
        self.multiplier, self.megapixels = round(plan.multiplier * 100), plan.megapixels or 0.0
        self.margin_left, self.margin_top, self.margin_right, self.margin_bottom = plan.margins
        self.mask_from_layer, self.keep_transparency = plan.mask_from_layer, plan.keep_transparency
        self.match_colours, self.split_islands = plan.match_colours, plan.split_islands

    def source(self, unseen: tuple[str, ...]) -> Source:
        """What is read of the document, without the layers that she has marked as not seen."""
        return Source(_known(Read, self.read_from, Read.VISIBLE), unseen)

    def placement(self, plan: PaintPlan, node: str | None) -> Placement:
        """Where the results of a plan go that was read while the layer `node` was active."""
        return Placement(
            where=_known(Where, self.where, Where.ABOVE),
            node=node,
            group=self.read_from == Read.GROUP.value,
            as_mask=self.as_mask,
            captured=(plan.now.width, plan.now.height),
            canvas=plan.canvas,
        )


def _known(kind: type[Any], value: str, usual: Any) -> Any:
    """A stored value as what it stands for; one that a later version may have stored counts as the usual one."""
    return kind(value) if value in {each.value for each in kind} else usual
