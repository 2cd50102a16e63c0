"""One request of hers on its way: what is known of it, and how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..canvas.rect import Rect
from ..client.model import Job, Machine, Price, Result
from ..journal import Entry
from .progress import Progress


@dataclass
class UnderWay:
    """`entry` is None until it is on disk; `job` None until the service has it.

    `press`: the press of the button that it belongs to. `sending`: a worker has it. `earlier`: asked for in an earlier run of
    Krita. `ended`: no more pictures will come. `taken`: numbers of the pictures that are being fetched, or are on disk, or lost;
    `kept`: the latter two. `step`: of the sampler, and of how many, for picture number `sampling`.
    """

    key: str
    area: Rect
    name: str
    document_id: str
    count: int = 1
    press: str = ""
    progress: Progress = field(default_factory=Progress)
    entry: Entry | None = None
    job: Job | None = None
    price: Price | None = None
    sending: bool = False
    cancelled: bool = False
    earlier: bool = False
    ended: bool = False
    taken: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    step: tuple[int, int] | None = None
    sampling: int = 0
    retries: int = 0

    @classmethod
    def resumed(cls, entry: Entry, received: set[int], now: float) -> UnderWay:
        """From the journal, after a restart. `received`: numbers of the pictures that arrived before it."""
        return cls(
            key=entry.key,
            area=Rect(*entry.area),
            name=entry.name,
            document_id="",
            count=entry.count,
            press=entry.press_id,
            progress=Progress.begin(now, asleep=False),
            entry=entry,
            cancelled=entry.cancelled,
            earlier=True,
            taken=set(received),
            kept=set(received),
        )

    @property
    def job_id(self) -> str | None:
        return self.job.id if self.job else self.entry.job_id if self.entry else None

    @property
    def shown(self) -> bool:
        """Whether she still wants it."""
        return not self.cancelled and not self.ended

    @property
    def moving(self) -> bool:
        """Whether the bar is about it: an idea that waits for the wake goes nowhere yet."""
        return self.shown and not (self.job is not None and self.job.unfinished and self.job.waiting_for == "gathered")

    @property
    def done(self) -> bool:
        """Whether all that will ever come is on disk, or lost."""
        return len(self.kept) >= self.count or (self.ended and self.taken == self.kept and not self.wanted)

    @property
    def wanted(self) -> list[Result]:
        """Results that are announced and not taken yet."""
        return [result for result in (self.job.results if self.job else ()) if result.n not in self.taken]

    def follow(self, job: Job, machine: Machine | None) -> None:
        """Takes a newer view of the job and moves the bar."""
        self.job = job
        now = time.monotonic()
        if job.state == "queued":
            waking = job.waiting_for in ("machine_waking", "no_machine", "capacity") and not (machine and machine.awake)
            self._enter_wait(waking, machine, now)
        elif job.state == "running":
            self.progress = self.progress.entered(self._phase(job), now)
        elif job.state == "succeeded":
            self.progress = self.progress.entered("inserting", now)

    def _phase(self, job: Job) -> str:
        """A job of several pictures loads and saves several times: for the bar all that lies within the sampling."""
        if self.progress.phase == "sampling" and (job.stage != "saving" or self.sampling < self.count - 1):
            return "sampling"
        return job.stage or "models"

    def arrived(self) -> None:
        """A result is on this computer."""
        if len(self.taken) >= self.count:
            self.progress = self.progress.entered("inserting", time.monotonic())

    def watch(self, machine: Machine) -> None:
        """A machine has changed: while this waits for its wake, the bar takes the machine's own estimate."""
        if self.progress.phase == "waking" and machine.state == "waking":
            self.progress = self.progress.entered("waking", time.monotonic(), seconds=machine.eta_seconds)

    def sampled(self, picture: int, step: int, steps: int) -> None:
        """The sampler has done `step` of `steps` of picture number `picture`."""
        now = time.monotonic()
        self.step, self.sampling = (step, steps), picture
        self.progress = self.progress.entered("sampling", now).reached((picture + step / max(1, steps)) / self.count, now)

    def _enter_wait(self, waking: bool, machine: Machine | None, now: float) -> None:
        if not waking:
            expected = self.job.eta_seconds if self.job else None
            self.progress = self.progress.entered("waiting", now, seconds_of={"waiting": expected})
            return
        eta = machine.eta_seconds if machine and machine.state == "waking" else None
        expected = eta or (machine.wake_seconds if machine else None)
        self.progress = self.progress.entered("waking", now, seconds_of={"waking": expected})
