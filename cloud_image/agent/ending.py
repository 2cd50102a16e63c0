"""The engine's process as its unit tells of it: whether it was started, how it ended, and why."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from cloud_image.engine.exits import Exit, read
from cloud_image.engine.trouble import Trouble, explain

from .commands import Commands

log = logging.getLogger(__name__)

UNIT = "comfyui.service"
#: Where systemd keeps, for each unit that is up or on its way, a link that names the present start.
UNITS = Path("/run/systemd/units")
JOURNAL = ("journalctl", "-u", UNIT, "-o", "cat", "-n", "200", "--no-pager", "-q")
JOURNAL_SECONDS = 5.0


class EngineProcess(Protocol):
    """What is known of the engine's process without asking it. Raises nothing."""

    def start(self) -> str | None:
        """A name of the present start, another one at each; None while it is not started."""

    def ending(self) -> Exit | None:
        """How it ended last in this boot; None when it never did."""

    async def why(self, ending: Exit) -> Trouble:
        """What it ended of, with a sentence for whoever waits for a picture."""


class UnitProcess:
    """The process of `comfyui.service`, which writes `record` when it ends."""

    def __init__(self, record: Path, commands: Commands, units: Path = UNITS) -> None:
        self._record = record
        self._commands = commands
        self._units = units

    def start(self) -> str | None:
        if not self._units.is_dir():
            return "without systemd"
        try:
            return str((self._units / f"invocation:{UNIT}").readlink())
        except OSError:
            return None

    def ending(self) -> Exit | None:
        return read(self._record)

    async def why(self, ending: Exit) -> Trouble:
        outcome = await self._commands.run(JOURNAL, JOURNAL_SECONDS)
        if outcome.code != 0:
            log.warning("The engine's journal cannot be read: %s", outcome.trouble)
        return explain(ending, outcome.said.splitlines())
