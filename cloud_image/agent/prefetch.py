"""Reads the models of the jobs to come into the page cache, so that the engine finds them in memory."""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from . import safetensors
from .clock import Clock, beside, within
from .files import plain_parts
from .state import State

log = logging.getLogger(__name__)

#: Bytes of one read: large enough that the disk is never waited for twice, small beside the agent's memory.
BLOCK = 4 * 1024 * 1024
#: Bytes that the kernel is asked to fetch before they are read.
AHEAD = 32 * 1024 * 1024
#: Of the memory that could hold models, the part that is filled at most; the rest is the engine's.
MEMORY_SHARE = 0.8
#: Seconds between two signs of life, and two looks whether the hot models still are.
PAUSE = 30.0
#: Places of a file at which is looked whether it is in memory, and the part of them that has to be.
PROBES, ENOUGH = 32, 0.9
#: ComfyUI's second names of its folders (folder_paths.py).
ALSO = {"text_encoders": "clip", "clip": "text_encoders", "diffusion_models": "unet", "unet": "diffusion_models"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one model. `missing`: it is not on this machine. `trouble`: a sentence. `whole`: it was read to its end."""

    name: str
    size: int = 0
    missing: bool = False
    trouble: str = ""
    whole: bool = False


class Reader(Protocol):
    """Reads one model into memory. Blocks; `stop` ends it early. Raises nothing."""

    def fetch(self, name: str, stop: threading.Event) -> Fetched:
        """Looks for a model by the engine's name and reads it."""

    def cached(self, name: str) -> bool:
        """Whether it is in memory now. Blocks; raises nothing."""

    def room(self) -> int:
        """Bytes of memory that may hold models now."""


class Prefetcher:
    """Obeys the newest order; the one before ends where it is."""

    def __init__(self, reader: Reader, state: State, clock: Clock, *, beat: Callable[[], None]) -> None:
        self._reader = reader
        self._state = state
        self._clock = clock
        self._beat = beat
        self._asked: tuple[str, ...] = ()
        self._anew = asyncio.Event()
        self._stop = threading.Event()
        self._complained: set[str] = set()

    def ask(self, models: Sequence[str]) -> None:
        """Read these, in this order, instead of what was asked before."""
        self._asked = tuple(dict.fromkeys(models))
        self._stop.set()
        self._anew.set()

    async def run(self) -> None:
        """Until cancelled, which ends a read that is under way."""
        try:
            while True:
                self._beat()
                try:
                    await within(self._clock, PAUSE, self._anew.wait())
                except TimeoutError:
                    await self._cool()
                    continue
                self._anew.clear()
                self._stop = threading.Event()
                await self._fetch_all(self._asked, self._stop)
        finally:
            self._stop.set()

    async def _fetch_all(self, models: Sequence[str], stop: threading.Event) -> None:
        room = int(self._reader.room() * MEMORY_SHARE)
        for name in models:
            fetched = await self._fetch(name, stop)
            if stop.is_set():
                return
            room -= fetched.size
            if fetched.whole and room >= 0:
                self._state.heat([name])
            if fetched.trouble and fetched.trouble not in self._complained:
                self._complained.add(fetched.trouble)
                self._state.say(fetched.trouble)
            if room < 0:
                self._state.say(f"Not all models fit into this machine's memory: reading ahead ended at {name}.")
                return

    async def _fetch(self, name: str, stop: threading.Event) -> Fetched:
        """One model, with signs of life while it lasts."""
        reading = asyncio.ensure_future(beside(lambda: self._reader.fetch(name, stop)))
        while True:
            self._beat()
            try:
                return await within(self._clock, PAUSE, asyncio.shield(reading))
            except TimeoutError:
                continue

    async def _cool(self) -> None:
        """Names no model as hot any more that the kernel has let go of."""
        hot = self._state.facts.models.hot
        if not hot:
            return
        cold = await beside(lambda: {name for name in hot if not self._reader.cached(name)})
        facts = self._state.facts
        left = tuple(name for name in facts.models.hot if name not in cold)
        self._state.facts = replace(facts, models=replace(facts.models, hot=left))


class DiskReader:
    """Models below `roots`, the first one that has it."""

    def __init__(self, roots: Sequence[Path], meminfo: Path = Path("/proc/meminfo")) -> None:
        self._roots = tuple(roots)
        self._meminfo = meminfo

    def fetch(self, name: str, stop: threading.Event) -> Fetched:
        try:
            path = self._find(name)
            return Fetched(name, missing=True) if path is None else _read(name, path, stop)
        except OSError as error:
            return Fetched(name, trouble=f"The model {name} cannot be read ahead: {error.strerror or error}.")

    def cached(self, name: str) -> bool:
        try:
            path = self._find(name)
            return path is not None and _is_cached(path)
        except OSError as error:
            log.warning("Whether %s is in memory cannot be told: %s", name, error)
            return False

    def room(self) -> int:
        for line in self._meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return 0

    def _find(self, name: str) -> Path | None:
        """The model's file. A link may lead from one tier to another, and nowhere else."""
        try:
            parts = plain_parts(name)
        except FileNotFoundError:
            return None
        for folder in (parts[0], ALSO.get(parts[0], parts[0])):
            for root in self._roots:
                path = root.joinpath(folder, *parts[1:])
                if path.is_file() and any(path.resolve().is_relative_to(tier.resolve()) for tier in self._roots):
                    return path.resolve()
        return None


def _read(name: str, path: Path, stop: threading.Event) -> Fetched:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        size = os.fstat(fd).st_size
        trouble = ""
        if path.name.lower().endswith(safetensors.SUFFIXES) and (flaw := safetensors.flaw(fd, size)):
            trouble = f"The model {name} is damaged: {flaw}. Remove it and add it again."
        elif not _into_memory(fd, size, stop):
            return Fetched(name, size)
        return Fetched(name, size, trouble=trouble, whole=not trouble)
    finally:
        os.close(fd)


def _into_memory(fd: int, size: int, stop: threading.Event) -> bool:
    """Reads a file from its beginning to its end; false when it was told to stop. Raises OSError."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    asked = at = 0
    # Memory of its own, so that all of it goes back to the system afterwards.
    with closing(mmap.mmap(-1, BLOCK)) as memory, memoryview(memory) as buffer:
        while at < size:
            if stop.is_set():
                return False
            while asked < min(size, at + AHEAD):
                os.posix_fadvise(fd, asked, BLOCK, os.POSIX_FADV_WILLNEED)
                asked += BLOCK
            read = os.preadv(fd, [buffer], at)
            if read == 0:
                return True
            at += read
    return True


def _is_cached(path: Path) -> bool:
    """Whether nearly all of a file is in the page cache, as reads that must not wait for the disk find out. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        size, byte = os.fstat(fd).st_size, bytearray(1)
        found = 0
        for probe in range(PROBES):
            try:
                found += os.preadv(fd, [byte], size * probe // PROBES, os.RWF_NOWAIT)
            except BlockingIOError:
                continue
        return found >= PROBES * ENOUGH
    finally:
        os.close(fd)
