"""The machine's door to new prompts: the guard refuses them while anybody keeps it closed.

Each closer has a file of its own in one folder, which the guard looks at with every prompt; so nobody opens what another
closed, and nothing needs to be told to anybody.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Closer(StrEnum):
    """Who may close it: the service's order `drain`, the idle monitor's last look, a stop that is under way, and a wipe."""

    SERVICE = "service"
    MONITOR = "monitor"
    STOP = "stop"
    WIPE = "wipe"


class Door:
    """The door whose files are in `folder`. Raises OSError when the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, closer: Closer) -> Path:
        """The file that keeps it closed for this closer; the guard's configuration names the same."""
        return self._folder / f"closed-by-{closer}"

    def close(self, closer: Closer) -> None:
        """From now on new prompts are refused. Safe to repeat."""
        self.file(closer).touch()

    def open(self, closer: Closer) -> None:
        """As far as this closer is concerned prompts may come in. Safe to repeat."""
        self.file(closer).unlink(missing_ok=True)

    def closers(self) -> frozenset[Closer]:
        """Who keeps it closed now; empty when it is open."""
        return frozenset(closer for closer in Closer if self.file(closer).exists())
