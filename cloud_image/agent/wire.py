"""What the agent says on its socket, as docs/agent.md describes it. Moments are epoch seconds, sizes bytes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

#: The version of the wire that is spoken here.
WIRE = 1
#: The header by which either side says its version.
WIRE_HEADER = "Wakebrush-Wire"
#: A report goes out at every change, and at least so often (seconds).
HEARTBEAT_SECONDS = 10.0
#: The names of all orders of this version.
ORDERS = ("drain", "undrain", "stop", "hand_over", "prefetch", "hold", "acknowledge")
CAPABILITIES = (*ORDERS, "inputs", "results")


class Stage(StrEnum):
    """`booting` until the engine's process was started, `engine` from then on."""

    BOOTING = "booting"
    ENGINE = "engine"


class EngineState(StrEnum):
    """What the engine does: it answers when it is `ready` (idle) or `working`."""

    STARTING = "starting"
    READY = "ready"
    WORKING = "working"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine; `sentence` says why when it has failed, and what it does while it starts. `kind`: what its last end in this
    boot was about, while it does not answer."""

    state: EngineState = EngineState.STARTING
    sentence: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """The engine's own queue: prompts that run and that wait."""

    running: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: its mean utilisation over the last `window_seconds`, its memory now. `lost`: its driver no longer answers."""

    name: str
    busy_percent: float
    window_seconds: float
    vram_used: int
    vram_total: int
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Models:
    """Models as the engine names them (`checkpoints/name.safetensors`)."""

    loaded: tuple[str, ...] = ()
    hot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk with the engine's folders."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """The cloud takes the machine back: `interruption` at `at`, or perhaps soon: `rebalance`, said at `at`."""

    kind: str
    at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """Results of one prompt that nobody has acknowledged."""

    prompt_id: str
    files: int
    size: int
    finished_at: float


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a person may want to read later, numbered from 1 in each boot."""

    number: int
    at: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent's own version, and the orders it can carry out."""

    version: str
    capabilities: tuple[str, ...] = CAPABILITIES


@dataclass(frozen=True, slots=True)
class Report:
    """All that the machine says of itself, whole every time."""

    agent: Agent
    machine: str
    boot: str
    at: float
    stage: Stage
    engine: Engine
    queue: Queue = field(default_factory=Queue)
    gpus: tuple[Gpu, ...] = ()
    models: Models = field(default_factory=Models)
    disk: Disk | None = None
    draining: bool = False
    hold_until: float | None = None
    notice: Notice | None = None
    kept: tuple[Kept, ...] = ()
    sleeps_at: float | None = None
    awake_because: tuple[str, ...] = ()
    happened: tuple[Happening, ...] = ()
    type: str = "report"
    wire: int = WIRE


@dataclass(frozen=True, slots=True)
class Reply:
    """The one answer to an order; a refusal's `sentence` says why. `order` is empty when what came had no id."""

    order: str
    done: bool
    sentence: str = ""
    type: str = "reply"
    wire: int = WIRE


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a kept result."""

    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KeptResult:
    """The answer of `GET /agent/results/{prompt_id}`."""

    prompt_id: str
    finished_at: float
    files: tuple[KeptFile, ...]


def text(message: Report | Reply | KeptResult) -> str:
    """The message as one line of JSON."""
    return json_text(asdict(message))


def json_text(value: Any) -> str:
    """JSON that every reader takes: names of files may hold half a character, which is shown as a question mark."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def version_mismatch(*, agent: int, service: Any) -> str:
    """The sentence for two sides that speak different versions; `service` is whatever the other side said."""
    known = type(service) is int
    advice = "Build a new machine image." if known and agent < service else "Update the wake service."
    return (
        f"The machine's agent speaks version {agent} of the wire and the wake service version "
        f"{str(service)[:40] if known else 'unknown'}, so they cannot work together. {advice}"
    )
