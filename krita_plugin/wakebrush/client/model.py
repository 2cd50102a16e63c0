"""What the service tells, as values. Unknown members are ignored, so that a newer service can say more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..i18n import service_says
from .catalogue import Licence

UNFINISHED = ("queued", "running")


@dataclass(frozen=True)
class Money:
    """An amount in the currency's main unit."""

    amount: float
    currency: str = "USD"

    @classmethod
    def parse(cls, value: dict[str, Any] | None) -> Money | None:
        return None if value is None else cls(float(value["amount"]), str(value.get("currency", "USD")))


@dataclass(frozen=True)
class Price:
    """What a request is expected to cost; `includes_wake` when a machine has to wake for it."""

    estimate: Money | None = None
    includes_wake: bool = False

    @classmethod
    def parse(cls, value: dict[str, Any] | None) -> Price:
        value = value or {}
        return cls(Money.parse(value.get("estimate")), bool(value.get("includes_wake")))


@dataclass(frozen=True)
class PriceQuote:
    """What pictures would cost if they were asked for now: marginal, so wake and idle tail only where they would have to be paid.

    `wake`, `pictures` and `idle` are the parts of the estimate; `ahead`: jobs before; `eta_seconds`: until all are finished.
    """

    price: Price
    wake: Money | None = None
    pictures: Money | None = None
    idle: Money | None = None
    ahead: int | None = None
    eta_seconds: float | None = None

    @classmethod
    def parse(cls, value: dict[str, Any]) -> PriceQuote:
        price = value.get("price") or {}
        wake, pictures, idle = (Money.parse(price.get(part)) for part in ("wake", "pictures", "idle"))
        return cls(Price.parse(price), wake, pictures, idle, value.get("ahead"), value.get("eta_seconds"))


@dataclass(frozen=True)
class Failure:
    """Why a job failed: a stable code and two sentences."""

    code: str
    message: str
    hint: str = ""

    @classmethod
    def parse(cls, value: dict[str, Any] | None) -> Failure | None:
        if value is None:
            return None
        return cls(str(value.get("code")), service_says(str(value.get("message"))), service_says(str(value.get("hint") or "")))


@dataclass(frozen=True)
class Result:
    """Picture `n` of a job. `sha256` is its checksum; sizes in pixels."""

    n: int
    sha256: str
    width: int
    height: int
    seed: int | None = None

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Result:
        return cls(int(value["n"]), str(value["sha256"]), int(value["width"]), int(value["height"]), value.get("seed"))


@dataclass(frozen=True)
class Job:
    """A request at the service. `eta_seconds`: until it is finished, as of when this was said. `finished_at`: epoch seconds.

    `note`: what she should know of it, in the service's words. `group`: the same for all jobs of one press; `region`: x, y,
    width, height in her document. `cost`: what it has
    cost so far. `front`: she has put it before her others.
    """

    id: str
    state: str
    waiting_for: str | None = None
    stage: str | None = None
    attempt: int = 1
    note: str | None = None
    ahead: int | None = None
    eta_seconds: float | None = None
    count: int = 1
    reference: str | None = None
    results: tuple[Result, ...] = ()
    error: Failure | None = None
    finished_at: float | None = None
    prompt: str = ""
    style: str = ""
    seed: int | None = None
    group: str | None = None
    region: tuple[int, int, int, int] | None = None
    cost: Money | None = None
    created_at: float | None = None
    front: bool = False

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def gathered(self) -> bool:
        """Whether it waits, waking nothing, until she releases what she has gathered."""
        return self.state == "queued" and self.waiting_for == "gathered"

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Job:
        return cls(
            id=str(value["id"]),
            state=str(value["state"]),
            waiting_for=value.get("waiting_for"),
            stage=value.get("stage"),
            attempt=int(value.get("attempt") or 1),
            note=_said(value.get("note")),
            ahead=value.get("ahead"),
            eta_seconds=value.get("eta_seconds"),
            count=int(value.get("count") or 1),
            reference=value.get("reference"),
            results=tuple(Result.parse(each) for each in value.get("results") or ()),
            error=Failure.parse(value.get("error")),
            finished_at=moment(value.get("finished_at")),
            prompt=str(value.get("prompt") or ""),
            style=str(value.get("style") or ""),
            seed=value.get("seed"),
            group=value.get("group"),
            region=_region(value.get("region")),
            cost=Money.parse(value.get("cost")),
            created_at=moment(value.get("created_at")),
            front=bool(value.get("front")),
        )


def _said(value: object) -> str | None:
    return None if value is None else service_says(str(value))


def _region(value: dict[str, Any] | None) -> tuple[int, int, int, int] | None:
    return None if value is None else (int(value["x"]), int(value["y"]), int(value["width"]), int(value["height"]))


@dataclass(frozen=True)
class Cancelled:
    """A job that was let go of. `machine_sleeps`: whether its machine goes back to sleep because of it; None: it makes none."""

    job: Job
    machine_sleeps: bool | None = None

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Cancelled:
        return cls(Job.parse(value), value.get("machine_sleeps"))


@dataclass(frozen=True)
class CancelledAll:
    """How many jobs were let go of at once; `machine_sleeps` as in Cancelled."""

    cancelled: int
    machine_sleeps: bool | None = None


@dataclass(frozen=True)
class Machine:
    """A GPU machine. `wake_seconds`: what a wake from sleep is expected to take; `slow_after_seconds`: after which it takes
    longer than usual; `eta_seconds`: until ready, while waking; `held_until`: until when `held_by` keeps it awake.
    Times are epoch seconds."""

    id: str
    state: str
    stage: str | None = None
    eta_seconds: float | None = None
    since: float | None = None
    engine: str | None = None
    practice: bool = False
    price_per_hour: Money | None = None
    sleeps_at: float | None = None
    wake_seconds: float | None = None
    slow_after_seconds: float | None = None
    message: str | None = None
    instance_type: str | None = None
    zone: str | None = None
    held_until: float | None = None
    held_by: str | None = None

    @property
    def awake(self) -> bool:
        return self.state in ("ready", "busy", "draining")

    @property
    def up(self) -> bool:
        """Whether it is there for the next picture: awake, or about to be."""
        return self.state in ("ready", "busy", "waking")

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Machine:
        engine = value.get("engine") or {}
        return cls(
            id=str(value["id"]),
            state=str(value["state"]),
            stage=value.get("stage"),
            eta_seconds=value.get("eta_seconds"),
            since=moment(value.get("since")),
            engine=engine.get("name"),
            practice=bool(engine.get("practice")),
            price_per_hour=Money.parse(value.get("price_per_hour")),
            sleeps_at=moment(value.get("sleeps_at")),
            wake_seconds=value.get("wake_seconds"),
            slow_after_seconds=value.get("slow_after_seconds"),
            message=_said(value.get("message")),
            instance_type=value.get("instance_type"),
            zone=value.get("zone"),
            held_until=moment(value.get("held_until")),
            held_by=value.get("held_by"),
        )


@dataclass(frozen=True)
class Held:
    """A machine that is kept awake: at most for what `price` says, until `until` (epoch seconds)."""

    machine: Machine
    price: Price
    until: float | None = None


@dataclass(frozen=True)
class Lora:
    """A LoRA file with its strength."""

    name: str
    strength: float = 1.0

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Lora:
        return cls(str(value["name"]), float(value.get("strength", 1.0)))


@dataclass(frozen=True)
class Style:
    """A way to paint. `width` × `height`: what its model was trained on; `available` is None while nobody knows.

    `checkpoint` is '' for a style of several files (FLUX), `vae` where the checkpoint's own is used. `licence`: the strictest
    of its models', None while nobody has said any.
    """

    name: str
    title: str
    description: str = ""
    base: str = "sd15"
    width: int = 512
    height: int = 512
    default_strength: float = 0.7
    available: bool | None = None
    missing: tuple[str, ...] = ()
    #: Why her team does not paint with it; '' when it does.
    barred: str = ""
    checkpoint: str = ""
    vae: str = ""
    sampler: str = ""
    scheduler: str = ""
    prompt_template: str = ""
    negative_prompt: str = ""
    steps: int = 20
    cfg: float = 7.0
    guidance: float = 3.5
    loras: tuple[Lora, ...] = ()
    licence: Licence | None = None

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Style:
        return cls(
            name=str(value["name"]),
            title=str(value.get("title") or value["name"]),
            description=service_says(str(value.get("description") or "")),
            base=str(value.get("base") or "sd15"),
            width=int(value.get("width") or 512),
            height=int(value.get("height") or 512),
            default_strength=float(value.get("default_strength") or 0.7),
            available=value.get("available"),
            missing=tuple(str(each) for each in value.get("missing") or ()),
            barred=str(value.get("barred") or ""),
            steps=int(value.get("steps") or 20),
            cfg=float(value.get("cfg", 7.0)),
            guidance=float(value.get("guidance", 3.5)),
            loras=tuple(Lora.parse(each) for each in value.get("loras") or ()),
            licence=Licence.parse(value.get("licence")),
            **{name: str(value.get(name) or "") for name in _STYLE_TEXTS},
        )


_STYLE_TEXTS = ("checkpoint", "vae", "sampler", "scheduler", "prompt_template", "negative_prompt")


@dataclass(frozen=True)
class Budget:
    """A team's month: what may be spent and what is."""

    limit: Money
    spent: Money
    resets_at: float | None = None


@dataclass(frozen=True)
class Limits:
    """What the service accepts: pixels per picture, bytes per upload, pictures per job, characters per prompt."""

    max_pixels: int = 16_777_216
    max_blob_bytes: int = 100_000_000
    max_count: int = 10
    max_prompt: int = 10_000


@dataclass(frozen=True)
class Me:
    """Who the token belongs to. `admin`: she may decide over everybody's machines and jobs."""

    artist: str
    team: str
    budget: Budget | None = None
    limits: Limits = field(default_factory=Limits)
    admin: bool = False

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Me:
        budget = value.get("budget")
        limits = value.get("limits") or {}
        known = Limits.__dataclass_fields__
        return cls(
            artist=str(value["artist"]["name"]),
            team=str(value["team"]["name"]),
            budget=None if budget is None else _budget(budget),
            limits=Limits(**{name: int(number) for name, number in limits.items() if name in known}),
            admin="admin" in (value.get("roles") or ()),
        )


def _budget(value: dict[str, Any]) -> Budget | None:
    limit, spent = Money.parse(value.get("limit")), Money.parse(value.get("spent"))
    return None if limit is None or spent is None else Budget(limit, spent, moment(value.get("resets_at")))


def moment(value: str | None) -> float | None:
    """Epoch seconds of an ISO 8601 time with a `Z` (which Python 3.10 does not read)."""
    return None if value is None else datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
