"""The engine's own queue."""

from __future__ import annotations

import http.client
import json

from ..verdict import Said, Sign
from .base import Signal

#: Its web thread answers also while a picture is made; loading a large model may keep it for a moment.
SECONDS = 2.0


class EngineSignal(Signal):
    """Busy while prompts run or wait. An engine that does not run has no work; one that runs and does not answer is missing."""

    name = "engine"

    def __init__(self, port: int, seconds: float = SECONDS) -> None:
        self._port, self._seconds = port, seconds

    def read(self, now: float) -> Sign:
        try:
            running, pending = self._queue()
        except ConnectionRefusedError:
            return Sign(self.name, Said.IDLE, "The engine does not run, so it has no work.")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Sign(self.name, Said.MISSING, f"The engine runs and does not say whether it has work: {error}.")
        if running or pending:
            return Sign(self.name, Said.BUSY, f"The engine has work: {running} running, {pending} waiting.", running + pending)
        return Sign(self.name, Said.IDLE, "The engine has no work.")

    def _queue(self) -> tuple[int, int]:
        """How many prompts run and wait. Raises OSError, HTTPException, ValueError."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._seconds)
        try:
            connection.request("GET", "/queue")
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise ValueError(f"it answers {answer.status}")
            queue = json.loads(text)
            return len(queue["queue_running"]), len(queue["queue_pending"])
        except (KeyError, TypeError) as flaw:
            raise ValueError("its answer is no queue") from flaw
        finally:
            connection.close()
