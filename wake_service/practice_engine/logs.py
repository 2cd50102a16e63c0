"""The engine's last log lines, for those who look at them in ComfyUI's web page."""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

from .progress import Outlet

KEPT_LINES = 300
"""As many as ComfyUI keeps."""
#: Columns and rows of the terminal that the lines were made for; here there is none.
SIZE = {"cols": 120, "rows": 40}


class LogPage(logging.Handler):
    """Keeps what is logged and tells new lines to the clients that subscribed."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self._outlet = outlet
        self._lines: deque[dict[str, str]] = deque(maxlen=KEPT_LINES)
        self._subscribers: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        line = {"t": at, "m": f"{record.levelname} {record.getMessage()}\n"}
        self._lines.append(line)
        for client in list(self._subscribers):
            self._outlet.post({"type": "logs", "data": {"entries": [line], "size": SIZE}}, client)

    def subscribe(self, client: str, wanted: bool) -> None:
        """Begins or ends to tell a client."""
        (self._subscribers.add if wanted else self._subscribers.discard)(client)

    def raw(self) -> dict[str, Any]:
        """The lines with their times, as `/internal/logs/raw` gives them."""
        return {"entries": list(self._lines), "size": SIZE}

    def text(self) -> str:
        """The same as one text."""
        return "".join(f"{line['t']} - {line['m']}" for line in list(self._lines))
