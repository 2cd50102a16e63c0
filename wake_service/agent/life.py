"""What the agent of a machine in memory knows and does between power-on and power-off."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from .kept import Keeper
from .wire import (
    HEARTBEAT_SECONDS,
    ORDERS,
    Acknowledge,
    Agent,
    Disk,
    Drain,
    Engine,
    EngineState,
    Gpu,
    HandOver,
    Happening,
    Hold,
    Models,
    Notice,
    Order,
    Prefetch,
    Queue,
    Reply,
    Report,
    Stage,
    Stop,
    Undrain,
)

GIB = 1024**3
#: Replies that are remembered, so that a repeated order is answered as before and not carried out again.
REMEMBERED_REPLIES = 256
#: Happenings that a report carries at most: the newest.
REPORTED_HAPPENINGS = 20
VERSION = "memory 1"
_WORKING = "A picture is being made, so the machine goes on as before."
CAPABILITIES = (*ORDERS, "inputs", "results")


@dataclass(frozen=True, slots=True)
class MachineTimes:
    """Seconds. `guard`: from power-on until guard and agent answer; `booting`: until the engine's process starts; `engine`:
    until it answers. `idle`: without work for so long the machine stops itself; None: it never does. `heartbeat`: a report at
    least so often."""

    guard: float = 20.0
    booting: float = 5.0
    engine: float = 20.0
    idle: float | None = None
    heartbeat: float = HEARTBEAT_SECONDS


class Life:
    """One boot, with the token it was given. `now` tells the time; `kept` is on the machine's disk and outlives it."""

    def __init__(self, name: str, token: str, kept: Keeper, now: Callable[[], float], idle: float | None) -> None:
        self.boot = str(uuid.uuid4())
        self.token = token
        self.stage = Stage.BOOTING
        self.engine = Engine(state=EngineState.STARTING)
        self.queue = Queue()
        self.gpu = Gpu(name="GPU", busy_percent=0, window_seconds=60, vram_used=0, vram_total=24 * GIB)
        self.models = Models()
        self.draining = False
        self.hold_until: float | None = None
        self.notice: Notice | None = None
        #: Orders in the order in which they were carried out, repeated ones once.
        self.obeyed: list[Order] = []
        self._name = name
        self._kept = kept
        self._now = now
        self._idle = idle
        self._idle_since = now()
        self._happened: list[Happening] = []
        self._replies: dict[str, Reply] = {}

    @property
    def working(self) -> bool:
        """Whether a prompt runs or waits."""
        return self.queue.running + self.queue.pending > 0

    def set_queue(self, queue: Queue) -> None:
        """The engine has that to do now."""
        was_working = self.working
        self.queue = queue
        if was_working and not self.working:
            self._idle_since = self._now()
        if self.engine.state in (EngineState.READY, EngineState.WORKING):
            self.engine = Engine(state=EngineState.WORKING if queue.running else EngineState.READY)

    def engine_answers(self) -> None:
        """It has started."""
        self.engine = Engine(state=EngineState.WORKING if self.queue.running else EngineState.READY)
        self._idle_since = self._now()
        self.note("The engine answers.")

    def engine_failed(self, sentence: str, kind: str = "") -> None:
        """It has died, and its queue with it."""
        self.set_queue(Queue())
        self.engine = Engine(state=EngineState.FAILED, sentence=sentence, kind=kind)
        self.note(sentence)

    def note(self, sentence: str) -> None:
        """Something that a person may want to read later."""
        number = self._happened[-1].number + 1 if self._happened else 1
        self._happened.append(Happening(number=number, at=self._now(), sentence=sentence))
        del self._happened[:-REPORTED_HAPPENINGS]

    def report(self) -> Report:
        """All it says of itself now."""
        because = self._awake_because()
        return Report(
            agent=Agent(version=VERSION, capabilities=CAPABILITIES),
            machine=self._name,
            boot=self.boot,
            at=self._now(),
            stage=self.stage,
            engine=self.engine,
            queue=self.queue,
            gpus=(self.gpu,),
            models=self.models,
            disk=Disk(free=80 * GIB, total=100 * GIB),
            draining=self.draining,
            hold_until=self.hold_until,
            notice=self.notice,
            kept=self._kept.listed(),
            sleeps_at=self.sleeps_at,
            awake_because=because,
            happened=tuple(self._happened),
        )

    @property
    def sleeps_at(self) -> float | None:
        """When it will stop itself; None while something keeps it awake, or when it never does."""
        if self._idle is None or self._awake_because():
            return None
        return max(self._idle_since, self.hold_until or 0.0) + self._idle

    def answer(self, order: Order) -> Reply:
        """Carries the order out, unless it was before, and gives its reply."""
        if order.id not in self._replies:
            self._replies[order.id] = self._obey(order)
            if len(self._replies) > REMEMBERED_REPLIES:
                del self._replies[next(iter(self._replies))]
        return self._replies[order.id]

    def _obey(self, order: Order) -> Reply:
        match order:
            case Drain():
                self.draining = True
            case Undrain():
                self.draining = False
            case Prefetch(models=models):
                self.models = self.models.model_copy(update={"hot": models})
            case Hold(until=until):
                self.hold_until = until
            case Acknowledge(results=results):
                self._kept.forget(results)
            case HandOver():
                if self.working:
                    return Reply(order=order.id, done=False, sentence=_WORKING)
                self._kept.forget([kept.prompt_id for kept in self._kept.listed()])
                self.engine = Engine(state=EngineState.STARTING)
                self.note("The machine was wiped for another artist.")
            case Stop(force=force):
                if self.working and not force:
                    return Reply(order=order.id, done=False, sentence=_WORKING)
                self.draining = True
        self.obeyed.append(order)
        return Reply(order=order.id, done=True)

    def _awake_because(self) -> tuple[str, ...]:
        reasons = []
        if self.working:
            reasons.append("The engine has work.")
        if self.hold_until is not None and self.hold_until > self._now():
            reasons.append("Somebody keeps the machine awake.")
        return tuple(reasons)
