"""A job: one request of an artist, one to ten pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from wake_service.comfy.overrides import Overrides, own_style
from wake_service.comfy.progress import Stage
from wake_service.comfy.request import Lora, Mode, Style

#: A job whose machine was lost this often is given up.
MAX_ATTEMPTS = 3


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING})


class Face(StrEnum):
    """By which of the service's faces a job came: the docker's, or one of the gateway's."""

    V1 = "v1"
    COMFY = "comfy"
    V2 = "v2"
    EAS = "eas"


class WaitingFor(StrEnum):
    """What a queued job waits for."""

    MACHINE_WAKING = "machine_waking"
    MACHINE_BUSY = "machine_busy"
    NO_MACHINE = "no_machine"
    CAPACITY = "capacity"
    BUDGET = "budget"
    PAUSED = "paused"
    #: Until its artist releases what she has gathered. Such a job is in no queue: it wakes nothing and costs nothing.
    GATHERED = "gathered"


@dataclass(frozen=True, slots=True)
class Region:
    """Where in the artist's document a picture belongs; never interpreted here."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What the artist asked for. `image` and `mask` are checksums of uploads; picture n uses `seed + n`.

    `loras` and `overrides` make the style her own. `first_pass`: the size to paint at before the full one; `fill_model`: the file
    that fills the hole. `group` is what jobs of one press have in common, `remark` a sentence on what is not as she asked.
    """

    mode: Mode
    prompt: str
    negative_prompt: str
    style: str
    strength: float
    width: int
    height: int
    seed: int
    count: int = 1
    image: str | None = None
    mask: str | None = None
    region: Region | None = None
    reference: str | None = None
    loras: tuple[Lora, ...] = ()
    overrides: Overrides | None = None
    first_pass: tuple[int, int] | None = None
    fill_model: str | None = None
    group: str | None = None
    remark: str | None = None

    @property
    def face(self) -> Face:
        """The docker's."""
        return Face.V1

    def own(self, style: Style) -> Style:
        """The style that it is painted with, given the one that it is based on."""
        return own_style(style, self.overrides, self.loras)

    def inputs(self) -> list[str]:
        """Checksums of the uploads it starts from."""
        return [checksum for checksum in (self.image, self.mask) if checksum is not None]

    @classmethod
    def from_stored(cls, values: dict[str, Any]) -> JobRequest:
        """The request again, from the JSON it was stored as; one of an older service lacks what it could not say."""
        region, overrides, first_pass = values["region"], values.get("overrides"), values.get("first_pass")
        read: dict[str, Any] = {
            "mode": Mode(values["mode"]),
            "region": Region(**region) if region else None,
            "loras": tuple(Lora(**lora) for lora in values.get("loras", ())),
            "overrides": Overrides.from_stored(overrides) if overrides else None,
            "first_pass": (first_pass[0], first_pass[1]) if first_pass else None,
        }
        return cls(**{**values, **read})


@dataclass(frozen=True, slots=True)
class WorkflowRequest:
    """A graph that a client of the gateway brought; the graph itself is in the table `workflows`.

    `name` is what its client calls it. `files` are checksums of uploads it starts from, by the names its graph has for them.
    `order` decides among its artist's own waiting jobs: the lowest first. `targets` are the outputs that are to run; None: all.
    """

    face: Face
    name: str
    files: dict[str, str] = field(default_factory=dict)
    order: float = 0.0
    targets: tuple[str, ...] | None = None
    count: int = 1

    def inputs(self) -> list[str]:
        """Checksums of the uploads it starts from."""
        return list(dict.fromkeys(self.files.values()))

    @classmethod
    def from_stored(cls, values: dict[str, Any]) -> WorkflowRequest:
        """The request again, from the JSON it was stored as."""
        targets = values["targets"]
        return cls(**{**values, "face": Face(values["face"]), "targets": None if targets is None else tuple(targets)})


Request: TypeAlias = JobRequest | WorkflowRequest


@dataclass(frozen=True, slots=True)
class Result:
    """One stored picture of a job."""

    n: int
    sha256: str
    media_type: str
    width: int
    height: int
    size: int
    seed: int


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: what happened, and what to do."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Which service works on a job, until when it is believed to, and a token that tells this claim from a later one."""

    owner: str
    token: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now. Moments in epoch seconds; `place` is its order of arrival, `front` is below 0 where its artist has put
    it before her others: the lowest first.

    `frugal`: a machine ran out of memory over it, so it is painted in the way that needs less (thrift.py).
    """

    place: int
    id: str
    artist_id: str
    team_id: str
    pool: str
    request: Request
    created_at: float
    state: JobState = JobState.QUEUED
    waiting_for: WaitingFor | None = None
    stage: Stage | None = None
    attempt: int = 1
    frugal: bool = False
    front: int = 0
    version: int = 0
    machine_id: str | None = None
    claim: Claim | None = None
    started_at: float | None = None
    finished_at: float | None = None
    error: JobError | None = None
    cost_micros: int = 0
    results: tuple[Result, ...] = field(default=())

    @property
    def painting(self) -> JobRequest:
        """The request of a picture that the docker asked for. TypeError for anything else."""
        if not isinstance(self.request, JobRequest):
            raise TypeError(f"job {self.id} is a workflow")
        return self.request

    @property
    def is_workflow(self) -> bool:
        """Whether a client of the gateway brought its graph."""
        return isinstance(self.request, WorkflowRequest)

    @property
    def unfinished(self) -> bool:
        """Whether something is still to come."""
        return self.state in UNFINISHED

    @property
    def gathered(self) -> bool:
        """Whether it waits until its artist releases it."""
        return self.state is JobState.QUEUED and self.waiting_for is WaitingFor.GATHERED

    @property
    def order(self) -> float:
        """Which comes first among its artist's own waiting jobs of its kind: the lowest, then by arrival."""
        return self.request.order if isinstance(self.request, WorkflowRequest) else self.front

    def missing(self) -> list[int]:
        """The pictures that are not stored yet."""
        there = {result.n for result in self.results}
        return [n for n in range(self.request.count) if n not in there]


def claimed(job: Job, machine_id: str, claim: Claim) -> Job:
    """The job in the hands of a machine; still queued until the engine begins with it."""
    return replace(job, machine_id=machine_id, claim=claim, waiting_for=WaitingFor.MACHINE_BUSY)


def running(job: Job, now: float) -> Job:
    """The engine has begun."""
    return replace(job, state=JobState.RUNNING, waiting_for=None, stage=Stage.MODELS, started_at=job.started_at or now)


def released(job: Job, waiting_for: WaitingFor) -> Job:
    """Given back unharmed: the machine never began with it."""
    return replace(job, state=JobState.QUEUED, stage=None, waiting_for=waiting_for, machine_id=None, claim=None)


def lost(job: Job, reason: str, waiting_for: WaitingFor, now: float) -> Job:
    """The machine went while it worked on this job: tried again, or given up after MAX_ATTEMPTS."""
    if job.attempt >= MAX_ATTEMPTS:
        error = JobError(
            "machine_lost",
            f"The machine was lost {MAX_ATTEMPTS} times while working on this picture. {reason}",
            "Try a smaller region or another style. If it happens with every picture, tell your admin.",
        )
        return failed(job, error, now)
    return replace(released(job, waiting_for), attempt=job.attempt + 1)


def succeeded(job: Job, cost_micros: int, now: float) -> Job:
    """All that its graph makes is stored."""
    cost = job.cost_micros + cost_micros
    done = replace(job, state=JobState.SUCCEEDED, finished_at=now, waiting_for=None, stage=None, claim=None)
    return replace(done, cost_micros=cost, started_at=job.started_at or now)


def failed(job: Job, error: JobError, now: float) -> Job:
    """Ended without (all of) its pictures."""
    return replace(job, state=JobState.FAILED, error=error, finished_at=now, waiting_for=None, stage=None, claim=None)


def cancelled(job: Job, now: float) -> Job:
    """Ended because the artist said so."""
    return replace(job, state=JobState.CANCELLED, finished_at=now, waiting_for=None, stage=None, claim=None)


def with_result(job: Job, result: Result, cost_micros: int, now: float) -> Job:
    """One more picture is stored; the last one ends the job."""
    results = tuple(sorted((*job.results, result), key=lambda r: r.n))
    more = replace(job, results=results, cost_micros=job.cost_micros + cost_micros)
    if more.missing():
        return more
    return replace(more, state=JobState.SUCCEEDED, finished_at=now, waiting_for=None, stage=None, claim=None)
