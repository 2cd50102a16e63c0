"""What others on the machine write for all to read: the door, the idle monitor's verdict, the hold; and the disk's room."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cloud_image.door import Door
from cloud_image.files import replace as replace_file
from cloud_image.paths import Paths

from .clock import Clock
from .files import read_fields
from .state import State, Verdict
from .wire import Disk

log = logging.getLogger(__name__)

#: Seconds between two looks at a handful of small files.
LOOK = 1.0
#: A verdict older than this (seconds) is no news: the idle monitor has its turn every minute.
STALE = 300.0


class Surroundings:
    """Looks at them again and again, and keeps the hold."""

    def __init__(self, paths: Paths, state: State, clock: Clock, *, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._paths = paths
        self._state = state
        self._clock = clock
        self._door = Door(paths.door)
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._fields: dict[Path, Mapping[str, Any] | None] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beat()
            self.look()
            await self._clock.sleep(LOOK)

    def look(self) -> None:
        """Brings the facts up to date."""
        now = self._clock.now()
        self._state.facts = replace(
            self._state.facts,
            draining=bool(self._door.closers()),
            hold_until=self._held_until(now),
            verdict=read_verdict(self._changed(self._paths.verdict), now),
            disk=disk_of(self._paths.engine_data),
        )
        self._hear_refusal()

    def hold(self, until: float | None) -> None:
        """Somebody keeps the machine awake until then; None, or what is over, lets go. Raises OSError."""
        if until is None or until <= self._clock.now():
            self._paths.hold.unlink(missing_ok=True)
        else:
            replace_file(self._paths.hold, json.dumps({"until": until}))
        self.look()

    def _hear_refusal(self) -> None:
        """Root's answer to a stop that we handed over: told once, also when an agent before this one has told it."""
        path = self._paths.idle / "stop-refused.json"
        before = self._fields.get(path)
        said = self._changed(path)
        if said is None or said is before or not isinstance(said.get("sentence"), str):
            return
        told = [happening.at for happening in self._state.facts.happened if happening.sentence == said["sentence"]]
        at = said.get("at")
        if not isinstance(at, int | float) or not any(moment >= at for moment in told):
            self._state.say(said["sentence"])

    def _held_until(self, now: float) -> float | None:
        until = (self._changed(self._paths.hold) or {}).get("until")
        return float(until) if isinstance(until, int | float) and now < until < 1e15 else None

    def _changed(self, path: Path) -> Mapping[str, Any] | None:
        """The fields in a file, read anew when it has changed."""
        try:
            about = path.stat()
            stamp = about.st_mtime_ns, about.st_ino
        except FileNotFoundError:
            stamp = 0, 0
        if self._stamps.get(path) != stamp:
            self._stamps[path] = stamp
            try:
                self._fields[path] = read_fields(path)
            except (OSError, ValueError) as error:
                log.warning("%s cannot be read: %s", path, error)
                self._fields[path] = None
        return self._fields[path]


def read_verdict(fields: Mapping[str, Any] | None, now: float) -> Verdict:
    """What the idle monitor's file says, if it is fresh enough to be told."""
    if fields is None:
        return Verdict()
    at, sleeps_at, because = fields.get("at"), fields.get("sleeps_at"), fields.get("because")
    if not isinstance(at, int | float) or not -STALE < now - at < STALE:
        return Verdict(because=("The idle monitor has not looked for a while, so nobody knows when the machine will stop.",))
    reasons = tuple(str(reason) for reason in because) if isinstance(because, list) and fields.get("busy") else ()
    if not isinstance(sleeps_at, int | float) or not 0 <= sleeps_at < 1e15:
        return Verdict(None, reasons)
    return Verdict(float(sleeps_at), reasons)


def disk_of(folder: Path) -> Disk | None:
    """The disk with this folder; None when it is not there."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return Disk(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)
