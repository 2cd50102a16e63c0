"""A machine's agent and guard in memory, for tests, simulations and anybody who builds on the wire: no sockets, no threads."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote

import orjson

from wake_service.background import Background
from wake_service.clock import Clock

from .link import Answer, LinkBroken, LinkRefused, LinkTimes, WireLink, not_there, wrong_certificate, wrong_token
from .wire import (
    HEARTBEAT_SECONDS,
    INPUT_NAME,
    ORDERS,
    WIRE,
    Acknowledge,
    Agent,
    Disk,
    Drain,
    Engine,
    EngineState,
    Gpu,
    Happening,
    Hold,
    Kept,
    KeptFile,
    KeptResult,
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
    read_order,
    version_mismatch,
    write,
)

log = logging.getLogger(__name__)

GIB = 1024**3
#: Replies that are remembered, so that a repeated order is answered as before and not carried out again.
REMEMBERED_REPLIES = 256
#: Happenings that a report carries at most: the newest.
REPORTED_HAPPENINGS = 20
#: Seconds after which a client whose prompt was refused may try again.
RETRY_SECONDS = 5
VERSION = "memory 1"
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


class Listener(Protocol):
    """One open socket of the machine, seen from inside."""

    def take(self, text: str) -> None:
        """A text for the other side."""

    def lose(self, error: LinkBroken) -> None:
        """The socket is gone."""


@dataclass(slots=True)
class Life:
    """What a machine is between power-on and power-off."""

    boot: str
    token: str
    stage: Stage = Stage.BOOTING
    engine: Engine = field(default_factory=lambda: Engine(state=EngineState.STARTING))
    queue: Queue = field(default_factory=Queue)
    gpus: tuple[Gpu, ...] = field(default_factory=lambda: (_idle_gpu(),))
    models: Models = field(default_factory=Models)
    draining: bool = False
    hold_until: float | None = None
    notice: Notice | None = None
    idle_since: float = 0.0
    happened: list[Happening] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)


class MemoryMachine:
    """One machine. `power_on` boots it in stages by its clock; `link` reaches it as the service does.

    Kept results and input pictures are on its disk and survive a stop; all else is of one life. `on_stop` is called when the
    machine stops itself (an order, or idle): a cloud then takes its time and calls `power_off`; without one it is off at once.
    `silent` lets it hang: nothing is said and nothing answered, though the connections stand.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        name: str = "m1",
        fingerprint: str | None = None,
        times: MachineTimes | None = None,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.fingerprint = fingerprint or hashlib.sha256(name.encode()).hexdigest()
        self.times = times or MachineTimes()
        self.silent = False
        self.inputs: dict[str, bytes] = {}
        self.kept: dict[str, tuple[KeptResult, tuple[bytes, ...]]] = {}
        #: Orders in the order in which they were carried out, repeated ones once.
        self.obeyed: list[Order] = []
        self.life: Life | None = None
        self._on_stop = on_stop or self.power_off
        self._listeners: list[Listener] = []
        self._background = Background(log)
        self._living: asyncio.Task[None] | None = None

    # The world: what a test or a cloud does to it.

    def power_on(self, token: str | Callable[[], str]) -> None:
        """Begins to boot; with a function, the token is asked for when the guard starts, as a real one reads its parameter."""
        self.power_off()
        self._living = asyncio.ensure_future(self._live(token))

    def power_off(self) -> None:
        """Off, in order or by a pulled plug: connections break, the disk stays."""
        if self._living is not None and self._living is not _current_task():
            self._living.cancel()
        self._living = None
        self.life = None
        self.silent = False
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.lose(LinkBroken(f"The connection to {self.name} broke."))

    def set_queue(self, running: int = 0, pending: int = 0) -> None:
        """What the engine has to do."""
        life = self._alive()
        if life.queue.running + life.queue.pending and not running + pending:
            life.idle_since = self.clock.now()
        life.queue = Queue(running=running, pending=pending)
        if life.engine.state in (EngineState.READY, EngineState.WORKING):
            life.engine = Engine(state=EngineState.WORKING if running else EngineState.READY)
        self._tell()

    def set_gpu(self, busy_percent: float, *, window_seconds: float = 60.0, vram_used: int = 0) -> None:
        """How busy its GPU was."""
        life = self._alive()
        life.gpus = (
            life.gpus[0].model_copy(
                update={"busy_percent": busy_percent, "window_seconds": window_seconds, "vram_used": vram_used}
            ),
        )
        self._tell()

    def fail_engine(self, sentence: str) -> None:
        """The engine dies; its queue with it."""
        life = self._alive()
        life.engine, life.queue = Engine(state=EngineState.FAILED, sentence=sentence), Queue()
        self._note(sentence)
        self._tell()

    def give_notice(self, notice: Notice | None) -> None:
        """The cloud wants it back, or no longer."""
        self._alive().notice = notice
        self._tell()

    def keep(self, prompt_id: str, files: Sequence[tuple[str, bytes]]) -> None:
        """The engine has made these PNG files (name, content) and nobody has fetched them yet."""
        shown = tuple(
            KeptFile(name=name, media_type="image/png", size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in files
        )
        result = KeptResult(prompt_id=prompt_id, finished_at=self.clock.now(), files=shown)
        self.kept[prompt_id] = (result, tuple(data for _, data in files))
        self._tell()

    async def close(self) -> None:
        """Ends it and its tasks."""
        living = self._living
        self.power_off()
        if living is not None:
            await asyncio.gather(living, return_exceptions=True)

    # The guard.

    def link(self, token: str, fingerprint: str, *, wire: int = WIRE, times: LinkTimes | None = None) -> WireLink:
        """Dials as the service does. Raises LinkBroken while nothing answers, LinkRefused when it is not let in."""
        if self.life is None or self.silent:
            raise not_there(self.name)
        if not hmac.compare_digest(fingerprint.lower(), self.fingerprint):
            raise wrong_certificate(self.name)
        if not self.lets_in(token):
            raise wrong_token(self.name)
        if wire != WIRE:
            raise LinkRefused(version_mismatch(agent=WIRE, service=wire))
        pipe = _MemoryPipe(self, times or LinkTimes())
        pipe.link = WireLink(pipe, self.clock, times)
        self.attach(pipe.link)
        return pipe.link

    def lets_in(self, token: str) -> bool:
        """Whether the guard knows this token."""
        return self.life is not None and hmac.compare_digest(token.encode(), self.life.token.encode())

    def refuse_prompt(self) -> Answer | None:
        """What the guard answers to a new prompt instead of handing it on; None when it is let through."""
        if self.life is None or not self.life.draining:
            return None
        error = {
            "type": "draining",
            "message": "This machine is about to stop and takes no new prompts. Send it again in a moment.",
            "details": "",
            "extra_info": {},
        }
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return Answer(503, orjson.dumps({"error": error, "node_errors": {}}), headers=headers)

    def handle(self, method: str, path: str, body: bytes = b"") -> Answer:
        """An authenticated HTTP call below `/agent/`."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match (method, parts):
            case ("PUT", ["agent", "inputs", name]):
                return self._take_input(name, body)
            case ("GET", ["agent", "results", prompt_id]) if prompt_id in self.kept:
                return Answer(200, write(self.kept[prompt_id][0]).encode())
            case ("GET", ["agent", "results", prompt_id, number]) if prompt_id in self.kept and number.isdecimal():
                files = self.kept[prompt_id][1]
                if int(number) < len(files):
                    return Answer(200, files[int(number)], "image/png")
        return problem(404, "not_found", "This machine has nothing under that address.")

    # The agent.

    def report(self) -> Report:
        """What it would say of itself now."""
        life = self._alive()
        sleeps_at, because = self._plan(life)
        return Report(
            agent=Agent(version=VERSION, capabilities=CAPABILITIES),
            machine=self.name,
            boot=life.boot,
            at=self.clock.now(),
            stage=life.stage,
            engine=life.engine,
            queue=life.queue,
            gpus=life.gpus,
            models=life.models,
            disk=Disk(free=80 * GIB, total=100 * GIB),
            draining=life.draining,
            hold_until=life.hold_until,
            notice=life.notice,
            kept=tuple(_kept(result) for result, _ in self.kept.values()),
            sleeps_at=sleeps_at,
            awake_because=because,
            happened=tuple(life.happened[-REPORTED_HAPPENINGS:]),
        )

    def attach(self, listener: Listener) -> None:
        """A new socket: it hears a whole report at once, then every change and every heartbeat."""
        self._listeners.append(listener)
        listener.take(write(self.report()))

    def detach(self, listener: Listener) -> None:
        """The other side closed its socket."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def hear(self, text: str, listener: Listener) -> None:
        """A text from the other side; the reply goes back over the same socket, then what changed to all."""
        if self.life is None or self.silent:
            return
        order = read_order(text)
        if isinstance(order, Reply):
            listener.take(write(order))
            return
        life = self.life
        known = life.replies.get(order.id)
        if known is not None:
            listener.take(write(known))
            return
        reply = self._obey(order, life)
        life.replies[order.id] = reply
        if len(life.replies) > REMEMBERED_REPLIES:
            del life.replies[next(iter(life.replies))]
        listener.take(write(reply))
        self._tell()
        if isinstance(order, Stop) and reply.done:
            self._on_stop()

    def _obey(self, order: Order, life: Life) -> Reply:
        match order:
            case Drain():
                life.draining = True
            case Undrain():
                life.draining = False
            case Prefetch(models=models):
                life.models = life.models.model_copy(update={"hot": models})
            case Hold(until=until):
                life.hold_until = until
            case Acknowledge(results=results):
                for prompt_id in results:
                    self.kept.pop(prompt_id, None)
            case Stop(force=force):
                if not force and life.queue.running + life.queue.pending:
                    sentence = "A picture is being made, so the machine goes on as before."
                    return Reply(order=order.id, done=False, sentence=sentence)
                life.draining = True
        self.obeyed.append(order)
        return Reply(order=order.id, done=True)

    def _plan(self, life: Life) -> tuple[float | None, tuple[str, ...]]:
        """When it will stop itself, or why it does not."""
        because = []
        if life.queue.running + life.queue.pending:
            because.append("The engine has work.")
        if life.hold_until is not None and life.hold_until > self.clock.now():
            because.append("Somebody keeps the machine awake.")
        if because or self.times.idle is None:
            return None, tuple(because)
        return max(life.idle_since, life.hold_until or 0.0) + self.times.idle, ()

    async def _live(self, token: str | Callable[[], str]) -> None:
        await self.clock.sleep(self.times.guard)
        life = self.life = Life(boot=str(uuid.uuid4()), token=token if isinstance(token, str) else token())
        await self._wait(self.times.booting)
        life.stage = Stage.ENGINE
        self._tell()
        await self._wait(self.times.engine)
        life.engine, life.idle_since = Engine(state=EngineState.READY), self.clock.now()
        self._note("The engine answers.")
        self._tell()
        while True:
            await self._wait(self.times.heartbeat)
            self._tell()
            sleeps_at, _ = self._plan(life)
            if sleeps_at is not None and self.clock.now() >= sleeps_at:
                life.draining = True
                self._on_stop()
                return

    async def _wait(self, seconds: float) -> None:
        """Lets time pass, with a heartbeat on the way."""
        until = self.clock.now() + seconds
        while (left := until - self.clock.now()) > self.times.heartbeat:
            await self.clock.sleep(self.times.heartbeat)
            self._tell()
        await self.clock.sleep(left)

    def _tell(self) -> None:
        if self.life is None or self.silent:
            return
        text = write(self.report())
        for listener in list(self._listeners):
            listener.take(text)

    def _note(self, sentence: str) -> None:
        life = self._alive()
        number = life.happened[-1].number + 1 if life.happened else 1
        life.happened.append(Happening(number=number, at=self.clock.now(), sentence=sentence))

    def _alive(self) -> Life:
        if self.life is None:
            raise AssertionError(f"{self.name} is off, or its guard has not started yet")
        return self.life

    def _take_input(self, name: str, body: bytes) -> Answer:
        if not re.fullmatch(INPUT_NAME, name):
            return problem(422, "bad_name", "An input picture needs a plain file name.")
        if self.inputs.setdefault(name, body) != body:
            return problem(409, "other_content", "Another picture of that name is there already.")
        return Answer(201, orjson.dumps({"name": f"wakebrush/{name}"}))


class _MemoryPipe:
    """What carries texts between a link and a machine in the same process."""

    link: WireLink

    def __init__(self, machine: MemoryMachine, times: LinkTimes) -> None:
        self._machine = machine
        self._times = times

    async def send(self, text: str) -> None:
        self._machine.hear(text, self.link)

    async def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        if self._machine.silent:
            await self._machine.clock.sleep(self._times.transfer)
            raise LinkBroken(f"{self._machine.name} did not answer within {self._times.transfer:g} s.")
        return self._machine.handle(method, path, body)

    async def close(self) -> None:
        self._machine.detach(self.link)


def problem(status: int, code: str, title: str) -> Answer:
    """A problem document (RFC 9457) with a sentence."""
    body = {"type": f"urn:wakebrush:error:{code}", "title": title, "status": status, "code": code}
    return Answer(status, orjson.dumps(body), "application/problem+json")


def _idle_gpu() -> Gpu:
    return Gpu(name="GPU", busy_percent=0, window_seconds=60, vram_used=0, vram_total=24 * GIB)


def _kept(result: KeptResult) -> Kept:
    size = sum(file.size for file in result.files)
    return Kept(prompt_id=result.prompt_id, files=len(result.files), size=size, finished_at=result.finished_at)


def _current_task() -> asyncio.Task[None] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
