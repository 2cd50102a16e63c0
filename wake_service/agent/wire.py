"""The messages on a machine's `/agent` socket, one JSON text each: reports and replies one way, orders the other.

A field that the reader does not know is skipped, so new ones need no new version; `WIRE` is raised when an old reader
would misunderstand. Moments are epoch seconds by the clock of the machine that says them, sizes are bytes.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

#: The version of the wire that is spoken here.
WIRE = 1
#: The header by which the service says its version when it opens the socket.
WIRE_HEADER = "Wakebrush-Wire"
#: A machine reports at every change, and at least so often (seconds).
HEARTBEAT_SECONDS = 10.0
#: A side that has heard nothing for so long (seconds) takes the link for dead.
SILENCE_SECONDS = 25.0

#: What names of input pictures match from end to end: no path, nothing hidden.
INPUT_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"

#: Kinds of end that are worth another try at lower cost; who names no kind says these words in its sentence.
OUT_OF_MEMORY = frozenset({"memory", "gpu_memory"})
OUT_OF_MEMORY_WORDS = "ran out of memory"

Moment = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Message(BaseModel):
    """Base of all that goes over the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Stage(StrEnum):
    """How far the machine has come: `booting` until the engine's process was started, `engine` from then on."""

    BOOTING = "booting"
    ENGINE = "engine"


class EngineState(StrEnum):
    """What the engine does: it answers when it is `ready` (idle) or `working`."""

    STARTING = "starting"
    READY = "ready"
    WORKING = "working"
    FAILED = "failed"


class Engine(Message):
    """The engine; `sentence` says why when it has failed, and what it does while it starts.

    `kind` is what its last end in this boot was about, while it does not answer: `memory` or `gpu_memory` when it ran out of
    that; others may come.
    """

    state: EngineState
    sentence: str = ""
    kind: str = ""


class Queue(Message):
    """The engine's own queue: prompts that run and that wait."""

    running: Count = 0
    pending: Count = 0


class Gpu(Message):
    """One GPU: its mean utilisation over the last `window_seconds` and its memory now. `lost`: its driver no longer answers."""

    name: str
    busy_percent: float = Field(ge=0, le=100)
    window_seconds: float = Field(ge=0)
    vram_used: Count
    vram_total: Count
    lost: bool = False


class Models(Message):
    """Models as the engine names them (`checkpoints/name.safetensors`): in the GPU's memory, and ready to be read fast."""

    loaded: tuple[str, ...] = ()
    hot: tuple[str, ...] = ()


class Disk(Message):
    """The disk with the engine's folders."""

    free: Count
    total: Count


class NoticeKind(StrEnum):
    """What a cloud says of a machine that it lends until further notice."""

    INTERRUPTION = "interruption"
    REBALANCE = "rebalance"


class Notice(Message):
    """The cloud takes the machine back: certainly at `at` (interruption), or perhaps soon (rebalance; said at `at`)."""

    kind: NoticeKind
    at: Moment


class Kept(Message):
    """Results of one prompt that nobody has acknowledged yet; `finished_at` is when the engine had made them."""

    prompt_id: str
    files: Count
    size: Count
    finished_at: Moment


class Happening(Message):
    """Something that a person may want to read later, numbered from 1 in each boot: how a service learns what it missed."""

    number: int = Field(ge=1)
    at: Moment
    sentence: str


class Agent(Message):
    """The agent's own version, and the orders it can carry out."""

    version: str
    capabilities: tuple[str, ...]


class Report(Message):
    """All that a machine says of itself, whole every time; the newest replaces the ones before.

    `boot` differs at each boot. `draining`: the guard refuses new prompts. `hold_until`: somebody keeps the machine awake until
    then. `sleeps_at`: when it will stop itself if nothing happens; None while something keeps it awake, which
    `awake_because` names in sentences.
    """

    type: Literal["report"] = "report"
    wire: int = WIRE
    agent: Agent
    machine: str
    boot: str
    at: Moment
    stage: Stage
    engine: Engine
    queue: Queue = Queue()
    gpus: tuple[Gpu, ...] = ()
    models: Models = Models()
    disk: Disk | None = None
    draining: bool = False
    hold_until: Moment | None = None
    notice: Notice | None = None
    kept: tuple[Kept, ...] = ()
    sleeps_at: Moment | None = None
    awake_because: tuple[str, ...] = ()
    happened: tuple[Happening, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether the engine answers."""
        return self.engine.state in (EngineState.READY, EngineState.WORKING)

    @property
    def empty(self) -> bool:
        """Whether no prompt runs or waits."""
        return self.queue.running + self.queue.pending == 0


class Reply(Message):
    """The one answer to an order; a refusal's `sentence` says why. `order` is the order's id, empty if it had none."""

    type: Literal["reply"] = "reply"
    wire: int = WIRE
    order: str
    done: bool
    sentence: str = ""


def _new_id() -> str:
    return str(uuid.uuid4())


class OrderBase(Message):
    """What all orders have. The same `id` again is the same order: it gets the same reply and is not carried out twice."""

    wire: int = WIRE
    id: str = Field(default_factory=_new_id, min_length=1, max_length=100)


class Drain(OrderBase):
    """Refuse new prompts; what is there goes on."""

    type: Literal["drain"] = "drain"


class Undrain(OrderBase):
    """Take prompts again."""

    type: Literal["undrain"] = "undrain"


class Stop(OrderBase):
    """Close, look again, and stop; reopen and refuse when there is work, unless `force`."""

    type: Literal["stop"] = "stop"
    force: bool = False


class HandOver(OrderBase):
    """The machine is another artist's from now on: end the engine, empty its input, output and temp folders, start it anew.

    Done once they are empty. What was kept goes too: acknowledge first what is wanted. Refused while there is work.
    """

    type: Literal["hand_over"] = "hand_over"


class Prefetch(OrderBase):
    """Make these models fast to read, in this order (`checkpoints/name.safetensors`); replaces what was asked before."""

    type: Literal["prefetch"] = "prefetch"
    models: tuple[str, ...] = Field(max_length=100)


class Hold(OrderBase):
    """Stay awake until then, work or no work; None lets go."""

    type: Literal["hold"] = "hold"
    until: Moment | None


class Acknowledge(OrderBase):
    """The results of these prompts are safe elsewhere and may be forgotten; unknown ids are fine."""

    type: Literal["acknowledge"] = "acknowledge"
    results: tuple[str, ...] = Field(max_length=1000)


Order = Drain | Undrain | Stop | HandOver | Prefetch | Hold | Acknowledge
#: The names of all orders of this version.
ORDERS = ("drain", "undrain", "stop", "hand_over", "prefetch", "hold", "acknowledge")


class KeptFile(Message):
    """One file of a kept result, fetched at `/agent/results/{prompt_id}/{n}`, n from 0."""

    name: str
    media_type: str
    size: Count
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class KeptResult(Message):
    """The answer of `GET /agent/results/{prompt_id}`."""

    prompt_id: str
    finished_at: Moment
    files: tuple[KeptFile, ...]
