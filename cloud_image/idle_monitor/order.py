"""A stop that the service has ordered: `wakebrush-idle stop`, begun when the agent has written the order down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..door import Closer, Door
from ..paths import Paths
from .clock import Clock
from .sampler import Awake, Sampler
from .state import write_json
from .stopping import Stopper
from .verdict import Said

#: What an order waits for. Holds and pauses between two pictures are the service's own to weigh, and it has.
WORK = frozenset({"gpu", "engine", "prompts", "uploads", "marks", "ssh"})


@dataclass(frozen=True, slots=True)
class Orders:
    """Obeys the order in `paths.stop_order`. `look_again`: seconds between the closing of the door and the stop."""

    paths: Paths
    sampler: Sampler
    stopper: Stopper
    clock: Clock
    look_again: float
    say: Callable[[str], None]

    def obey(self) -> bool:
        """Stops the machine, and does not return then; whether there was no order. With work there it opens the door again,
        and says so in `refusal`. Raises OSError."""
        try:
            force = self._read()
        except FileNotFoundError:
            return True
        except ValueError as flaw:
            self._refuse(f"The order to stop cannot be read, so the machine goes on: {flaw}.")
            return False
        door = Door(self.paths.door)
        door.close(Closer.STOP)
        try:
            work = "" if force else self._work()
            if work:
                self._refuse(f"The machine goes on as before. {work}")
                return False
            self.say("The machine stops, as the service has ordered.")
            self.stopper.stop()
            self._refuse("The machine was told to stop and does not. Stop it in the cloud's console.")
            return False
        finally:
            door.open(Closer.STOP)

    def _work(self) -> str:
        """What there is to do, in sentences; looked at until the last moment."""
        sample = self.sampler.watch(self.look_again, Awake(self.clock.boot(), self.clock.slept()))
        return " ".join(sign.sentence for sign in sample.of(Said.BUSY) if sign.signal in WORK)

    def _read(self) -> bool:
        """Whether it is to stop whatever goes on. Raises FileNotFoundError, ValueError."""
        order = json.loads(self.paths.stop_order.read_text(encoding="utf-8"))
        if not isinstance(order, dict) or not isinstance(order.get("force"), bool):
            raise ValueError("it does not say whether it is forced")
        return bool(order["force"])

    def _refuse(self, sentence: str) -> None:
        """Leaves the answer for the agent, with the door open. The order goes last: it is done with when it is gone."""
        self.say(sentence)
        Door(self.paths.door).open(Closer.STOP)
        write_json(refusal(self.paths), {"at": self.clock.wall(), "sentence": sentence})
        self.paths.stop_order.unlink(missing_ok=True)


def refusal(paths: Paths) -> Path:
    """Where the agent reads why the machine goes on."""
    return paths.idle / "stop-refused.json"
