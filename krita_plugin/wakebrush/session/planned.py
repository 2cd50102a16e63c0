"""What the button would do now: the canvas looked at, the settings applied."""

from __future__ import annotations

from dataclasses import dataclass

from ..canvas.base import Canvas, Placement, Source
from ..canvas.plan import ModelSize, PaintPlan, PlanSettings, Rect, Task, plan
from .region_settings import RegionSettings


@dataclass(frozen=True)
class Planned:
    """A plan with the settings it was made from, what is read for it, and where its results go. `selected`: the bounds of what
    is selected."""

    plan: PaintPlan
    settings: PlanSettings
    source: Source
    placement: Placement
    selected: Rect | None = None

    @classmethod
    def now(cls, canvas: Canvas, settings: RegionSettings, task: Task, model: ModelSize) -> Planned:
        """For the document in front. Raises NoDocument; NothingToPaint when the task has nothing to work on."""
        chosen = settings.plan_settings(task)
        scene = canvas.scene(chosen)
        made = plan(scene, chosen, model)
        layer = canvas.state().layer
        return cls(
            made,
            chosen,
            settings.source(canvas.unseen()),
            settings.placement(made, None if layer is None else layer.id),
            scene.selected,
        )
