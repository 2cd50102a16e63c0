"""How long the last calls took, for a report: no addresses of pictures, nothing of what was sent."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

_ID = re.compile(r"/[0-9a-f]{8,}[0-9a-f-]*")


@dataclass(frozen=True)
class Timing:
    """One call. `status` is 0 when there was no answer; `seconds` until the answer began."""

    call: str
    status: int
    seconds: float


class Timings:
    """The last calls, oldest first. Thread-safe, as a deque is."""

    def __init__(self, most: int = 40) -> None:
        self.last: deque[Timing] = deque(maxlen=most)

    def note(self, method: str, path: str, status: int, seconds: float) -> None:
        """Remembers a call without the ids in its path."""
        self.last.append(Timing(f"{method} {_ID.sub('/…', path)}", status, seconds))
