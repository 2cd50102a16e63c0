"""One picture of a job at an engine, and the tray that holds all of one engine's pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from wake_service.comfy.events import ImageRef
from wake_service.comfy.progress import PromptProgress
from wake_service.jobs.courier import Courier


class Sent(StrEnum):
    """Where a picture is. `unsure`: it was sent, or about to be, by a connection that broke."""

    NO = "no"
    UNSURE = "unsure"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(slots=True)
class Picture:
    """Picture `n` of a job. `started_at` in epoch seconds, when the engine began with it.

    `frugal`: its graph needs less memory. `dropped`: it was taken from the engine, so how it ends there concerns nobody.
    `courier` follows it where a client brought its graph.
    """

    job_id: str
    n: int
    prompt_id: str
    frugal: bool = False
    sent: Sent = Sent.NO
    dropped: bool = False
    progress: PromptProgress | None = None
    courier: Courier | None = None
    images: tuple[ImageRef, ...] = ()
    started_at: float | None = None
    step_times: list[float] = field(default_factory=list)

    @property
    def at_engine(self) -> bool:
        """Whether it takes a place in the engine's queue."""
        return self.sent in (Sent.QUEUED, Sent.RUNNING, Sent.UNSURE)

    def eta_seconds(self) -> float | None:
        """Seconds of sampling left, from the steps so far; the first one counts not, it carries the models' disk read."""
        if self.progress is None or self.progress.steps is None or len(self.step_times) < 2:
            return None
        per_step = (self.step_times[-1] - self.step_times[0]) / (len(self.step_times) - 1)
        return max(0.0, self.progress.steps - self.progress.step) * per_step


class Tray:
    """The pictures one engine was given and that are not brought home, in the order they were given."""

    def __init__(self, adopted: Iterable[Picture]) -> None:
        self._pictures = {picture.prompt_id: picture for picture in adopted}
        self._to_send: deque[Picture] = deque()

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, pictures: Iterable[Picture]) -> None:
        """Takes pictures that are to be sent."""
        for picture in pictures:
            self._pictures[picture.prompt_id] = picture
            self._to_send.append(picture)

    def send_again(self, picture: Picture) -> None:
        """The engine does not have it after all: it is the next to be sent."""
        picture.sent = Sent.NO
        self._to_send.appendleft(picture)

    @property
    def has_more_to_send(self) -> bool:
        """Whether a picture waits for its turn."""
        return bool(self._to_send)

    def next_to_send(self) -> Picture | None:
        """The next one, taken off the list."""
        return self._to_send.popleft() if self._to_send else None

    def is_to_be_sent(self, picture: Picture) -> bool:
        """Whether it waits for its turn here, and is not just being sent."""
        return any(other is picture for other in self._to_send)

    def get(self, prompt_id: str | None) -> Picture | None:
        """The picture that the engine knows by this id."""
        return self._pictures.get(prompt_id or "")

    def all(self) -> list[Picture]:
        """All of them."""
        return list(self._pictures.values())

    def of_job(self, job_id: str) -> list[Picture]:
        """A job's pictures."""
        return [picture for picture in self._pictures.values() if picture.job_id == job_id]

    def at_engine(self) -> list[Picture]:
        """Those in the engine's queue, as far as we know."""
        return [picture for picture in self._pictures.values() if picture.at_engine]

    def first_started(self) -> Picture | None:
        """The picture the engine works on; if it has begun with none, the one it would have begun with."""
        there = self.at_engine()
        return next((picture for picture in there if picture.sent is Sent.RUNNING), there[0] if there else None)

    def unsent_jobs(self) -> list[str]:
        """Jobs of which the engine has nothing, and none is on its way home."""
        begun = {picture.job_id for picture in self._pictures.values() if picture.sent is not Sent.NO}
        return list(dict.fromkeys(picture.job_id for picture in self._to_send if picture.job_id not in begun))

    def connection_broke(self) -> None:
        """What was queued is uncertain from now on; what ran is asked for anyway."""
        for picture in self._pictures.values():
            if picture.courier is not None:
                picture.courier.missed()
            if picture.sent is Sent.QUEUED:
                picture.sent = Sent.UNSURE

    def forget(self, picture: Picture) -> None:
        """It is home, or given up."""
        self._pictures.pop(picture.prompt_id, None)
        if picture in self._to_send:
            self._to_send.remove(picture)
