"""The one bar for all that is under way, and the few words on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..client.model import Machine
from .progress import Course
from .state_line import LATE
from .under_way import UnderWay
from .waits import Waits
from .words import bar_text


@dataclass(frozen=True)
class Bar:
    """`fraction`: 0 to 1, None while nothing moves; `text`: about the oldest picture under way."""

    fraction: float | None = None
    text: str = ""
    course: Course = field(default_factory=Course)

    def at(self, now: float, pictures: Mapping[str, UnderWay], machine: Machine | None, waits: Waits) -> Bar:
        """`now`: monotonic seconds; `machine`: as of now."""
        moving = {key: each for key, each in pictures.items() if each.moving}
        course = self.course.at({key: each.progress.fraction(now) for key, each in moving.items()})
        if not moving:
            return Bar()
        oldest = next(iter(moving.values()))
        others = len({each.press or key for key, each in moving.items()}) - 1
        eta = _seconds_left(oldest, machine, waits)
        return Bar(course.shown, bar_text(oldest.progress, now, step=oldest.step, eta=eta, others=others), course)


def _seconds_left(picture: UnderWay, machine: Machine | None, waits: Waits) -> float | None:
    """What the bar counts down: the wake, or the pictures before hers. None too when it is so late that it says nothing."""
    if picture.progress.phase == "waking":
        eta = machine.eta_seconds if machine is not None else None
    else:
        eta = waits.as_of_now(picture.job).eta_seconds if picture.job and picture.job.ahead else None
    return None if eta is None or eta < -LATE else eta
