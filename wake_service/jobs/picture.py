"""One picture of a job at an engine: what it is known as there, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from wake_service.comfy.events import ImageRef
from wake_service.comfy.progress import PromptProgress
from wake_service.comfy.workflow import Workflow


class Sent(StrEnum):
    """Where a picture is. `unsure`: it was sent, or about to be, by a connection that broke."""

    NO = "no"
    UNSURE = "unsure"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(slots=True)
class Picture:
    """Picture `n` of a job. `started_at` in epoch seconds, when the engine began with it."""

    job_id: str
    n: int
    prompt_id: str
    sent: Sent = Sent.NO
    workflow: Workflow | None = None
    progress: PromptProgress | None = None
    images: tuple[ImageRef, ...] = ()
    started_at: float | None = None
    step_times: list[float] = field(default_factory=list)

    @property
    def at_engine(self) -> bool:
        """Whether it takes a place in the engine's queue."""
        return self.sent in (Sent.QUEUED, Sent.RUNNING, Sent.UNSURE)

    def note_step(self, now: float) -> None:
        """A sampling step ended."""
        self.step_times.append(now)

    def eta_seconds(self) -> float | None:
        """Seconds of sampling left, from the steps so far; the first one counts not, it carries the models' disk read."""
        if self.progress is None or self.progress.steps is None or len(self.step_times) < 2:
            return None
        per_step = (self.step_times[-1] - self.step_times[0]) / (len(self.step_times) - 1)
        return max(0.0, self.progress.steps - self.progress.step) * per_step
