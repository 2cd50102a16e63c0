"""A machine's agent and guard in memory, for tests, simulations and anybody who builds on the wire: no sockets, no threads."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import unquote

import orjson

from wake_service.background import Background
from wake_service.clock import Clock

from .kept import Keeper
from .life import Life
from .life import MachineTimes as MachineTimes
from .link import Answer, LinkBroken, LinkRefused, LinkTimes, WireLink, not_there, wrong_certificate, wrong_token
from .text import read_order, version_mismatch, write
from .wire import INPUT_NAME, WIRE, HandOver, Notice, Order, Queue, Reply, Report, Stage, Stop

log = logging.getLogger(__name__)

#: Seconds after which a client whose prompt was refused may try again.
RETRY_SECONDS = 5


class Listener(Protocol):
    """One open socket of the machine, seen from inside."""

    def take(self, text: str) -> None:
        """A text for the other side."""

    def lose(self, error: LinkBroken) -> None:
        """The socket is gone."""


class MemoryMachine:
    """One machine. `power_on` boots it in stages by its clock; `link` reaches it as the service does.

    Kept results and input pictures are on its disk and survive a stop; all else is of one life. `on_stop` is called when the
    machine stops itself (an order, or idle): a cloud then takes its time and calls `power_off`; without one it is off at once.
    `silent` lets it hang: nothing is said and nothing answered, though the connections stand. `obeyed` are the orders it has
    carried out in all its lives, repeated ones once.
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
        self.kept = Keeper()
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
        self._background.spawn(self._living)

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
        self._alive().set_queue(Queue(running=running, pending=pending))
        self._tell()

    def set_gpu(self, busy_percent: float, *, window_seconds: float = 60.0, vram_used: int = 0) -> None:
        """How busy its GPU was over the window that ends now."""
        life = self._alive()
        news = {"busy_percent": busy_percent, "window_seconds": window_seconds, "vram_used": vram_used}
        life.gpu = life.gpu.model_copy(update=news)
        self._tell()

    def fail_engine(self, sentence: str, kind: str = "") -> None:
        """The engine dies; its queue with it."""
        self._alive().engine_failed(sentence, kind)
        self._tell()

    def revive_engine(self) -> None:
        """The engine was started again and answers."""
        self._alive().engine_answers()
        self._tell()

    def give_notice(self, notice: Notice | None) -> None:
        """The cloud wants it back, or no longer."""
        self._alive().notice = notice
        self._tell()

    def keep(self, prompt_id: str, files: Sequence[tuple[str, bytes]]) -> None:
        """The engine has made these PNG files (name, content) and nobody has fetched them yet."""
        self.kept.keep(prompt_id, files, self.clock.now())
        self._tell()

    async def close(self) -> None:
        """Ends it and its tasks."""
        self.power_off()
        await self._background.cancel()

    # The guard.

    def link(self, token: str, fingerprint: str, *, wire: int = WIRE, times: LinkTimes | None = None) -> WireLink:
        """Dials as the service does. Raises LinkBroken while nothing answers, LinkRefused when it is not let in."""
        if self.life is None or self.silent:
            raise not_there(self.name)
        if not hmac.compare_digest(fingerprint.lower().encode(), self.fingerprint.encode()):
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
        """An authenticated HTTP call below `/agent/`; the path as it was sent, quoted."""
        match (method, [unquote(part) for part in path.strip("/").split("/")]):
            case ("PUT", ["agent", "inputs", name]):
                return self._take_input(name, body)
            case ("GET", ["agent", "results", prompt_id]) if (result := self.kept.result(prompt_id)) is not None:
                return Answer(200, write(result).encode())
            case ("GET", ["agent", "results", prompt_id, number]) if (data := self.kept.file(prompt_id, number)) is not None:
                return Answer(200, data, "image/png")
        return problem(404, "not_found", "This machine has nothing under that address.")

    # The agent.

    @property
    def listeners(self) -> int:
        """How many sockets are open."""
        return len(self._listeners)

    def report(self) -> Report:
        """What it would say of itself now."""
        return self._alive().report()

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
        obeyed = len(self.life.obeyed)
        reply = self.life.answer(order)
        listener.take(write(reply))
        if len(self.life.obeyed) == obeyed:
            return
        self.obeyed.append(order)
        self._tell()
        if isinstance(order, Stop):
            self._on_stop()
        elif isinstance(order, HandOver):
            self.inputs.clear()
            self._background.spawn(self._begin_anew(self.life))

    async def _begin_anew(self, life: Life) -> None:
        """The engine starts again, unless the machine goes meanwhile."""
        await self.clock.sleep(self.times.engine)
        if self.life is life:
            self.revive_engine()

    async def _live(self, token: str | Callable[[], str]) -> None:
        await self.clock.sleep(self.times.guard)
        given = token if isinstance(token, str) else token()
        life = self.life = Life(self.name, given, self.kept, self.clock.now, self.times.idle)
        await self._wait(self.times.booting)
        life.stage = Stage.ENGINE
        self._tell()
        await self._wait(self.times.engine)
        life.engine_answers()
        self._tell()
        while life.sleeps_at is None or self.clock.now() < life.sleeps_at:
            await self._wait(self.times.heartbeat)
            self._tell()
        life.draining = True
        self._tell()
        self._on_stop()

    async def _wait(self, seconds: float) -> None:
        """Lets time pass, with a heartbeat on the way."""
        until = self.clock.now() + seconds
        while (left := until - self.clock.now()) > self.times.heartbeat:
            await self.clock.sleep(self.times.heartbeat)
            self._tell()
        await self.clock.sleep(left)

    def _tell(self) -> None:
        if self.life is None or self.silent or not self._listeners:
            return
        text = write(self.report())
        for listener in list(self._listeners):
            listener.take(text)

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


def _current_task() -> asyncio.Task[None] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
