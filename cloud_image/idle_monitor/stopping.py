"""How the machine is stopped: in order, then from outside, then at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import MachineError
from .clock import Clock
from .world import World

#: How long each way is given. systemd gives a service 90 s to end before it ends it.
ORDERLY_SECONDS, OUTSIDE_SECONDS, AT_ONCE_SECONDS = 150.0, 90.0, 60.0


@dataclass(frozen=True, slots=True)
class Stopper:
    """Stops the machine it runs on; `say` is its log."""

    world: World
    clock: Clock
    say: Callable[[str], None]

    def stop(self) -> None:
        """Ends with the machine. It returns only when nothing could stop it, which it has said then."""
        ways = (
            (self.world.power_off, ORDERLY_SECONDS),
            (self.world.stop_from_outside, OUTSIDE_SECONDS),
            (self.world.power_off_at_once, AT_ONCE_SECONDS),
        )
        for way, patience in ways:
            try:
                way()
            except MachineError as error:
                self.say(f"The machine could not be stopped in this way: {error}")
                continue
            self.clock.sleep(patience)
            self.say(f"The machine still runs {patience:.0f} s after it was told to stop.")
        self.say("Nothing stops this machine: stop it in the cloud's console. Until then it costs money.")
