"""A stop that the service has asked for: close the door, look again, and hand over to root or reopen."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cloud_image.door import Closer, Door
from cloud_image.files import replace

from .engine_client import EngineSilent
from .prompts import Work

log = logging.getLogger(__name__)

#: The kernel's list of local sockets of our network namespace.
TABLE = Path("/proc/self/net/unix")
#: How it writes the state of one that waits to be taken, and of one that was (SS_CONNECTING, SS_CONNECTED).
_STANDS = ("02", "03")


class Sight(Protocol):
    """What is looked at before a stop."""

    async def fresh_work(self) -> Work | None:
        """What the engine has to do at this moment; None when there is no engine. Raises EngineSilent."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Obeys `stop`. `order` is the file that root waits for; `prompts_in_flight` counts prompts that have passed the door and may
    not have reached the engine's queue."""

    door: Door
    order: Path
    sight: Sight
    prompts_in_flight: Callable[[], int]
    now: Callable[[], float]

    def recover(self) -> None:
        """Opens what an agent closed that ended before it could hand over: nobody else would. Raises OSError."""
        if not self.order.exists():
            self.door.open(Closer.STOP)

    async def stop(self, id: str, force: bool) -> str:
        """Empty when the stop is under way, else a sentence that says why the machine goes on. Raises OSError."""
        self.door.close(Closer.STOP)
        try:
            refusal = "" if force else await self.work()
            if not refusal:
                replace(self.order, json.dumps({"order": id, "force": force, "at": self.now()}), mode=0o640)
        except BaseException:
            self.door.open(Closer.STOP)
            raise
        if refusal:
            self.door.open(Closer.STOP)
        return refusal

    async def work(self) -> str:
        """What forbids a stop; empty for nothing. The door is closed."""
        # In this order: a prompt that leaves the door is in the queue before its connection ends.
        if self.prompts_in_flight():
            return "A picture is on its way to the engine, so the machine goes on as before."
        try:
            work = await self.sight.fresh_work()
        except EngineSilent as silent:
            log.warning("%s", silent)
            return "The engine does not say whether it has work, so the machine goes on as before. A forced stop does not ask it."
        if work is None or not (work.running or work.pending):
            return ""
        return "A picture is being made, so the machine goes on as before."


def connections(socket: Path, table: Path = TABLE) -> int:
    """How many connections to a listening local socket stand, also for a client that is gone. Raises OSError."""
    found = 0
    for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
        columns = line.split(maxsplit=7)
        found += len(columns) == 8 and columns[7] == str(socket) and columns[5] in _STANDS
    return found
