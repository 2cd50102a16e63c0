"""Results that nobody has acknowledged: the agent's book of them, on the disk that outlives a stop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cloud_image.files import replace as replace_file

from .clock import Clock, beside, within
from .files import open_below, read_fields, remove_below
from .prompts import Finished
from .state import State
from .wire import Kept, KeptFile, KeptResult

log = logging.getLogger(__name__)

DAY, GIB = 86_400.0, 1024**3
#: Seconds between two looks at age and room.
PERIOD = 600.0
#: Acknowledged prompts that are remembered, for a reader that was faster than our own book.
REMEMBERED = 4096
BLOCK = 1024 * 1024
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt's results; `paths` are below the engine's output folder, in the order of the result's files."""

    result: KeptResult
    paths: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.result.files)

    def as_fields(self) -> dict[str, Any]:
        """For its file in the book."""
        return asdict(self.result) | {"paths": list(self.paths)}

    @staticmethod
    def of_fields(fields: Mapping[str, Any]) -> Entry:
        """What as_fields gave. Raises ValueError."""
        try:
            files = tuple(KeptFile(**file) for file in fields["files"])
            entry = Entry(KeptResult(fields["prompt_id"], float(fields["finished_at"]), files), tuple(fields["paths"]))
        except (KeyError, TypeError) as flaw:
            raise ValueError(f"it is no record of kept results: {flaw!r}") from flaw
        if len(entry.paths) != len(files):
            raise ValueError("it is no record of kept results: files and paths differ in number")
        return entry


class Keeper:
    """The book in `folder`, of files in `outputs`. `free` gives the free bytes of the disk. To be used from the loop only."""

    def __init__(
        self,
        folder: Path,
        outputs: Path,
        state: State,
        clock: Clock,
        *,
        keep_days: float,
        keep_free_gib: float,
        free: Callable[[], int],
        beat: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._outputs = outputs
        self._state = state
        self._clock = clock
        self._keep_seconds = keep_days * DAY
        self._keep_free = int(keep_free_gib * GIB)
        self._free = free
        self._beat = beat
        self._entries: dict[str, Entry] = {}
        self._acknowledged: dict[str, None] = {}
        self._finished: asyncio.Queue[Finished] = asyncio.Queue()

    def load(self) -> None:
        """Reads the book, at the agent's start; blocks. Raises OSError when the folder cannot be made or read."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob(".*"):
            path.unlink()  # a draft that a crash left
        for path in sorted(self._folder.glob("*.json")):
            try:
                entry = Entry.of_fields(read_fields(path) or {})
            except (OSError, ValueError) as flaw:
                self._state.say(f"A record of kept results cannot be read, so they are not offered any more: {path.name}: {flaw}")
                continue
            self._entries[entry.result.prompt_id] = entry
        self._tell()

    def finished(self, prompts: Sequence[Finished]) -> None:
        """These have run; what they left is kept as soon as it has been read."""
        for prompt in prompts:
            if prompt.succeeded and prompt.outputs:
                self._finished.put_nowait(prompt)

    async def run(self) -> None:
        """Keeps what has finished, and looks at age and room between; until cancelled."""
        while True:
            self._beat()
            self._make_room()
            due = self._clock.now() + PERIOD
            while (left := due - self._clock.now()) > 0:
                self._beat()
                try:
                    prompt = await within(self._clock, min(left, PERIOD / 20), self._finished.get())
                except TimeoutError:
                    continue
                await self._keep(prompt)
                self._make_room()

    def result(self, prompt_id: str) -> KeptResult | None:
        """What is kept of a prompt."""
        entry = self._entries.get(prompt_id)
        return None if entry is None else entry.result

    def open(self, prompt_id: str, number: int) -> tuple[int, KeptFile] | None:
        """One of its files, counted from 0, open for reading; the caller closes it. None when it is not there as it was kept."""
        entry = self._entries.get(prompt_id)
        if entry is None or not 0 <= number < len(entry.paths):
            return None
        file = entry.result.files[number]
        try:
            fd = open_below(self._outputs, entry.paths[number])
        except OSError as error:
            log.warning("A kept file cannot be read: %s", error)
            return None
        if os.fstat(fd).st_size != file.size:
            os.close(fd)
            log.warning("A kept file has changed since: %s", entry.paths[number])
            return None
        return fd, file

    def forget(self, prompt_ids: Iterable[str]) -> None:
        """They are safe elsewhere: record and files go. Unknown ones are fine. Raises OSError when the book cannot be written."""
        for prompt_id in prompt_ids:
            self._acknowledged.pop(prompt_id, None)
            self._acknowledged[prompt_id] = None
            self._drop(prompt_id)
        while len(self._acknowledged) > REMEMBERED:
            del self._acknowledged[next(iter(self._acknowledged))]
        self._tell()

    def forget_all(self) -> None:
        """The machine is being wiped. Raises OSError."""
        self.forget(list(self._entries))

    async def _keep(self, prompt: Finished) -> None:
        known = self._entries.get(prompt.prompt_id)
        if known is not None and known.paths == tuple(output.path for output in prompt.outputs):
            return
        try:
            entry = await beside(lambda: _read(prompt, self._outputs, self._clock.now()))
            if entry is None:
                return
            if prompt.prompt_id in self._acknowledged:
                self._remove(entry)
                return
            replace_file(self._file(prompt.prompt_id), json.dumps(entry.as_fields()), mode=0o640)
        except OSError as error:
            self._state.say(f"Results of prompt {prompt.prompt_id} could not be kept for later: {error}")
            return
        self._entries[prompt.prompt_id] = entry
        self._tell()

    def _make_room(self) -> None:
        """Lets go of what is too old, and of the oldest while the disk is too full."""
        now = self._clock.now()
        for entry in sorted(self._entries.values(), key=lambda entry: entry.result.finished_at):
            old = now - entry.result.finished_at > self._keep_seconds
            if not old and self._free() >= self._keep_free:
                continue
            try:
                self._drop(entry.result.prompt_id)
            except OSError as error:
                self._state.say(f"Kept results could not be removed: {error}")
                return
            why = "nobody fetched them in time" if old else "the disk is nearly full"
            self._state.say(f"Results of prompt {entry.result.prompt_id} are not kept any longer, because {why}.")
        self._tell()

    def _drop(self, prompt_id: str) -> None:
        entry = self._entries.get(prompt_id)
        if entry is not None:
            self._remove(entry)
            self._file(prompt_id).unlink(missing_ok=True)
            del self._entries[prompt_id]

    def _remove(self, entry: Entry) -> None:
        """Its files, but not those that are another's too: an engine that had the picture already names the same file again."""
        shared = {path for other in self._entries.values() if other is not entry for path in other.paths}
        for path in entry.paths:
            if path not in shared:
                remove_below(self._outputs, path)

    def _tell(self) -> None:
        kept = tuple(
            Kept(entry.result.prompt_id, len(entry.paths), entry.size, entry.result.finished_at)
            for entry in self._entries.values()
        )
        self._state.facts = replace(self._state.facts, kept=kept)

    def _file(self, prompt_id: str) -> Path:
        plain = _PLAIN.fullmatch(prompt_id)
        name = prompt_id if plain else hashlib.sha256(prompt_id.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / f"{name}.json"


def _read(prompt: Finished, outputs: Path, now: float) -> Entry | None:
    """The entry for a prompt's files, with their digests, once they are safe on the disk; None when all of them are gone.
    Raises OSError."""
    files, paths = [], []
    for output in prompt.outputs:
        try:
            fd = open_below(outputs, output.path)
        except FileNotFoundError:
            continue
        try:
            digest, size = hashlib.sha256(), 0
            while block := os.read(fd, BLOCK):
                digest.update(block)
                size += len(block)
            os.fsync(fd)
        finally:
            os.close(fd)
        files.append(KeptFile(output.name, output.media_type, size, digest.hexdigest()))
        paths.append(output.path)
    if not files:
        return None
    at = prompt.finished_at if prompt.finished_at is not None else now
    return Entry(KeptResult(prompt.prompt_id, at, tuple(files)), tuple(paths))


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk with this folder. Raises OSError."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
