"""How often what the docker says of time is looked at anew."""

from __future__ import annotations

from ..client.model import Machine
from ..qt import QTimer

#: While something is under way or a countdown runs, in ms.
_TICK_MS = 200
#: While a machine is up with nothing to do, in ms: it goes to sleep some day.
_IDLE_TICK_MS = 1000


class Ticking(QTimer):
    """Times out often, now and then, or never, as the state asks for it."""

    def pace(self, machine: Machine | None, *, at_work: bool, aside: bool) -> None:
        """`at_work`: a picture of hers is under way; `aside`: ideas wait for her to wake a machine."""
        if not at_work and not aside and (machine is None or not machine.up):
            self.stop()
            return
        often = at_work or (machine is not None and machine.eta_seconds is not None)
        interval = _TICK_MS if often else _IDLE_TICK_MS
        if not self.isActive() or self.interval() != interval:
            self.start(interval)
