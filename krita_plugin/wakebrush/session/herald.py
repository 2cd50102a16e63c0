"""What is said on the canvas itself while the docker cannot be seen: the wake, the pictures, what went wrong."""

from __future__ import annotations

from typing import Protocol

from ..canvas.base import Icon
from ..client.model import Machine
from ..i18n import tr
from .words import Notice, about


class Speaker(Protocol):
    """The part of a canvas that can say something."""

    def only_canvas(self) -> bool: ...

    def message(self, sentence: str, icon: Icon) -> None: ...


class Herald:
    """Speaks in canvas-only mode only: elsewhere the docker says it, and nothing comes between her and her picture."""

    def __init__(self, canvas: Speaker) -> None:
        self._canvas = canvas
        self._state = ""
        self._arrived = 0

    def machine(self, machine: Machine | None, *, waits: bool) -> None:
        """The machine has changed. `waits`: a picture of hers is under way; what others wake a machine for is not her matter."""
        before, self._state = self._state, machine.state if machine is not None else ""
        if machine is None or not waits or before == self._state:
            return
        if self._state == "waking":
            wait = machine.eta_seconds if machine.eta_seconds is not None else machine.wake_seconds
            self._say(tr("Waking.") if wait is None else tr("Waking, {wait}.", wait=about(wait)), Icon.AWAKE)
        elif before == "waking" and machine.awake:
            self._say(tr("The machine is awake."), Icon.AWAKE)

    def landed(self) -> None:
        """A result is on this computer."""
        self._arrived += 1

    def moving(self, moves: bool) -> None:
        """Whether something of hers is still under way: she hears of a press as a whole, not of each picture."""
        if moves or not self._arrived:
            return
        arrived, self._arrived = self._arrived, 0
        self._say(tr("Your picture is here.") if arrived == 1 else tr("{n} pictures are here.", n=arrived), Icon.DONE)

    def trouble(self, notice: Notice) -> None:
        """Something went wrong."""
        self._say(notice.title, Icon.ERROR)

    def _say(self, sentence: str, icon: Icon) -> None:
        if self._canvas.only_canvas():
            self._canvas.message(sentence, icon)
