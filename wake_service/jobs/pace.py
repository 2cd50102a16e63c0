"""How long pictures take, learned from those that were painted: by the model's family and by how much work one is."""

from __future__ import annotations

from dataclasses import dataclass

from wake_service.comfy.graph import second_pass
from wake_service.comfy.request import Base, Mode, Style
from wake_service.jobs.model import JobRequest

#: How much a new measurement counts against all before it.
NEWEST = 0.3


@dataclass(frozen=True, slots=True)
class Effort:
    """What one picture takes of a GPU: megapixels times sampling steps, of both passes."""

    base: Base
    amount: float


def effort_of(request: JobRequest, style: Style) -> Effort:
    """One picture's, given the style that it is based on."""
    own = request.own(style)
    full = request.width * request.height / 1e6
    if request.first_pass is None or request.first_pass == (request.width, request.height):
        return Effort(own.base, full * own.steps)
    small = request.first_pass[0] * request.first_pass[1] / 1e6
    _, steps = second_pass(own.steps, 1.0 if request.mode is Mode.TEXT_TO_IMAGE else request.strength)
    return Effort(own.base, small * own.steps + full * steps)


class Pace:
    """Seconds for each megapixel and step, by family."""

    def __init__(self) -> None:
        self._rates: dict[Base, float] = {}

    def note(self, effort: Effort, seconds: float) -> None:
        """A picture took so long."""
        measured = seconds / effort.amount
        known = self._rates.get(effort.base, measured)
        self._rates[effort.base] = known + NEWEST * (measured - known)

    def seconds(self, effort: Effort) -> float | None:
        """What a picture will take; None while none of its family was measured."""
        rate = self._rates.get(effort.base)
        return None if rate is None else rate * effort.amount
