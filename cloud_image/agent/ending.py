"""The engine's process as its unit tells of it: whether it was started, how it ended, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .commands import Commands
from .files import read_fields

log = logging.getLogger(__name__)

UNIT = "comfyui.service"
#: Where systemd keeps, for each unit that is up or on its way, a link that names the present start.
UNITS = Path("/run/systemd/units")
JOURNAL = ("journalctl", "-u", UNIT, "-o", "cat", "-n", "200", "--no-pager", "-q")
JOURNAL_SECONDS = 5.0

Ending = Mapping[str, Any]


class EngineProcess(Protocol):
    """What is known of the engine's process without asking it. Raises nothing."""

    def start(self) -> str | None:
        """A name of the present start, another one at each; None while it is not started."""

    def ending(self) -> Ending | None:
        """How it ended last in this boot (`at`: when); None when it never did."""

    async def why(self, ending: Ending) -> str:
        """A sentence for whoever waits for a picture."""


class UnitProcess:
    """The process of `comfyui.service`. `explain` makes the sentence from the record and the journal's last lines."""

    def __init__(
        self, record: Path, commands: Commands, explain: Callable[[Ending, Sequence[str]], str], units: Path = UNITS
    ) -> None:
        self._record = record
        self._commands = commands
        self._explain = explain
        self._units = units

    def start(self) -> str | None:
        if not self._units.is_dir():
            return "without systemd"
        try:
            return str((self._units / f"invocation:{UNIT}").readlink())
        except OSError:
            return None

    def ending(self) -> Ending | None:
        try:
            found = read_fields(self._record)
        except (OSError, ValueError) as error:
            log.warning("How the engine ended cannot be read from %s: %s", self._record, error)
            return None
        return found if found is not None and isinstance(found.get("at"), int | float) else None

    async def why(self, ending: Ending) -> str:
        outcome = await self._commands.run(JOURNAL, JOURNAL_SECONDS)
        if outcome.code != 0:
            log.warning("The engine's journal cannot be read: %s", outcome.trouble)
        return self._explain(ending, outcome.said.splitlines())
