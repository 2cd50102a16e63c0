"""A machine that becomes another artist's: close the door, look for work, have root wipe it, and reopen."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cloud_image.door import Closer, Door
from cloud_image.files import replace

from .clock import Clock
from .files import read_fields
from .state import State

log = logging.getLogger(__name__)

#: How long root may take: its unit gives the engine 10 s to end, and a folder may hold thousands of pictures.
WIPE_SECONDS = 60.0
#: Between two looks for its answer.
LOOK = 0.1
WIPED = "The machine was wiped for another artist."


@dataclass(frozen=True, slots=True)
class HandingOver:
    """Obeys `hand_over`. `order` is the file that root waits for, `answer` where it says what came of it.

    `work` says in a sentence what there is to do; `forget` lets go of what was kept.
    """

    door: Door
    order: Path
    answer: Path
    work: Callable[[], Awaitable[str]]
    forget: Callable[[], None]
    state: State
    clock: Clock

    def recover(self) -> None:
        """Opens what an agent closed that ended in between. Raises OSError."""
        if not self.order.exists():
            self.door.open(Closer.WIPE)

    async def hand_over(self, id: str) -> str:
        """Empty when nothing of the last artist is left, else a sentence that says why that is not sure. Raises OSError."""
        self.door.close(Closer.WIPE)
        try:
            refusal = await self.work() or await self._wipe(id)
        finally:
            self.door.open(Closer.WIPE)
        if not refusal:
            self.state.say(WIPED)
        return refusal

    async def _wipe(self, id: str) -> str:
        self.forget()
        replace(self.order, json.dumps({"order": id, "at": self.clock.now()}), mode=0o640)
        until = self.clock.now() + WIPE_SECONDS
        while self.clock.now() < until:
            told = self._told(id)
            if told is not None:
                return told
            await self.clock.sleep(LOOK)
        self.order.unlink(missing_ok=True)
        return "The machine was not wiped in time, and nobody knows whether it will be. Look why: systemctl status wakebrush-wipe"

    def _told(self, id: str) -> str | None:
        """What root says of this order; None while it says nothing."""
        try:
            fields = read_fields(self.answer) or {}
        except ValueError as flaw:
            log.warning("What came of an order to wipe the machine cannot be read: %s", flaw)
            return None
        sentence = fields.get("sentence")
        return sentence if fields.get("order") == id and isinstance(sentence, str) else None
