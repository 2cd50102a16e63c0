"""The agent's surroundings in memory: an engine, its process, GPUs, the cloud's metadata, helpers, a disk of models."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

from cloud_image.agent.commands import Outcome
from cloud_image.agent.engine_client import EngineGone, EngineSilent
from cloud_image.agent.gpus import Reading
from cloud_image.agent.prefetch import Fetched
from cloud_image.agent.prompts import Finished, Output, Waiting, Work
from cloud_image.engine.exits import Exit
from cloud_image.engine.trouble import Kind, Trouble
from cloud_image.errors import MetadataError
from cloud_image.metadata import Identity, Notice


def ended(at: float) -> Exit:
    """A crash at that moment."""
    return Exit(at, "signal", "killed", "SEGV", 1, False)


IDENTITY = Identity("i-0abc", "eu-central-1", "g5.xlarge", "studio", "default", True)


def finished(name: str, *files: str, turn: str = "0", at: float | None = 1_800_000_000.0, ok: bool = True) -> Finished:
    """A prompt that has run and left these files."""
    outputs = tuple(Output(file.rpartition("/")[2], file) for file in files)
    return Finished(name, turn, ok, at, outputs, ("checkpoints/a.safetensors",))


class FakeEngine:
    """An engine. `silent` lets it hang, `gate` lets its queue be waited for; `looks` counts looks at its queue, `asked` has those
    at its history by rows."""

    def __init__(self) -> None:
        self.running: list[Waiting] = []
        self.pending: list[Waiting] = []
        self.history: list[Finished] = []
        self.silent = False
        self.looks = 0
        self.gate: asyncio.Event | None = None
        self.asked: list[int] = []
        self._up = False
        self._listeners: list[asyncio.Queue[bool]] = []

    def start(self) -> None:
        self._up = True

    def die(self) -> None:
        self._up, self.running, self.pending, self.history = False, [], [], []
        for listener in self._listeners:
            listener.put_nowait(False)

    def tell(self) -> None:
        for listener in self._listeners:
            listener.put_nowait(True)

    def begin(self, name: str, *models: str) -> None:
        self.running.append(Waiting(name, models))
        self.tell()

    def end(self, prompt: Finished) -> None:
        self.running = [other for other in self.running if other.prompt_id != prompt.prompt_id]
        self.history.append(prompt)
        self.tell()

    async def work(self) -> Work:
        self._check()
        self.looks += 1
        if self.gate is not None:
            await self.gate.wait()
        return Work(tuple(self.running), tuple(self.pending))

    async def finished(self, newest: int) -> list[Finished]:
        self._check()
        self.asked.append(newest)
        return self.history[-newest:]

    async def changes(self) -> AsyncIterator[None]:
        if not self._up:
            raise EngineGone("The engine does not answer.")
        changes: asyncio.Queue[bool] = asyncio.Queue()
        self._listeners.append(changes)
        try:
            yield None
            while await changes.get():
                yield None
            raise EngineGone("The engine closed its socket.")
        finally:
            self._listeners.remove(changes)

    def _check(self) -> None:
        if not self._up:
            raise EngineGone("The engine does not answer.")
        if self.silent:
            raise EngineSilent("The engine gave no answer.")


class FakeProcess:
    """The engine's unit."""

    def __init__(self) -> None:
        self.started: str | None = None
        self.record: Exit | None = None
        self.sentence = "The engine ended by itself (signal 9)."

    def start(self) -> str | None:
        return self.started

    def ending(self) -> Exit | None:
        return self.record

    async def why(self, ending: Exit) -> Trouble:
        return Trouble(Kind.MEMORY, self.sentence)


class FakeGpus:
    """GPUs; `error` is raised instead, `hang` lets a reading wait until it is set."""

    def __init__(self, *readings: Reading) -> None:
        self.readings = list(readings)
        self.error: Exception | None = None
        self.hang: threading.Event | None = None
        self.reads = 0

    def read(self) -> list[Reading]:
        self.reads += 1
        if self.hang is not None:
            self.hang.wait(30)
        if self.error is not None:
            raise self.error
        return list(self.readings)


class FakeMetadata:
    """The cloud's metadata service."""

    def __init__(self) -> None:
        self.up = True
        self.wanted: Notice | None = None

    def identity(self) -> Identity:
        self._check()
        return IDENTITY

    def notice(self) -> Notice | None:
        self._check()
        return self.wanted

    def _check(self) -> None:
        if not self.up:
            raise MetadataError("The metadata service does not answer.")


class FakeCommands:
    """Programs: what was run, and what the next ones end with (0 when there is nothing)."""

    def __init__(self, said: str = "") -> None:
        self.ran: list[list[str]] = []
        self.codes: list[int] = []
        self.said = said

    async def run(self, words: Sequence[str], seconds: float) -> Outcome:
        self.ran.append(list(words))
        code = self.codes.pop(0) if self.codes else 0
        return Outcome(code, self.said, "No such luck." if code else "")


class FakeReader:
    """Models by name and size; `gate` lets each reading wait."""

    def __init__(self, **sizes: int) -> None:
        self.sizes: dict[str, int] = dict(sizes)
        self.troubles: dict[str, str] = {}
        self.read: list[str] = []
        self.evicted: set[str] = set()
        self.memory = 1_000_000
        self.gate: threading.Event | None = None

    def fetch(self, name: str, stop: threading.Event) -> Fetched:
        self.read.append(name)
        if self.gate is not None:
            while not self.gate.wait(0.01):
                if stop.is_set():
                    return Fetched(name)
        if name not in self.sizes:
            return Fetched(name, missing=True)
        trouble = self.troubles.get(name, "")
        return Fetched(name, self.sizes[name], trouble=trouble, whole=not trouble)

    def cached(self, name: str) -> bool:
        return name not in self.evicted

    def room(self) -> int:
        return self.memory


def nothing(*_: Any) -> None:
    """A listener that does not care."""
