"""Server-sent events: how a frame looks, and what a stream says of a job's present state. Values in, values out.

A stream is level-triggered: it is told the present state again and again, and says what its reader does not know yet. So a late
or slow reader misses nothing that lasts, every output comes before the terminal status, and nothing piles up.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from wake_service.gateway.v2.words import TERMINAL

#: Progress and previews come this often at most, in seconds (the contract's "about 2/s").
PACE_SECONDS = 0.5
#: Silence is broken this often: the official clients give a stream up after 30 (comfy-cli) or 45 s (Python).
KEEPALIVE_SECONDS = 10.0
KEEPALIVE = b": keepalive\n\n"


@dataclass(frozen=True, slots=True)
class Preview:
    """The newest picture of the work so far."""

    node_id: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class State:
    """A job as its stream sees it: parts of `views.job_view`."""

    status: str
    queue_position: int | None
    progress: Mapping[str, Any] | None
    outputs: Sequence[Mapping[str, Any]]
    preview: Preview | None = None


@dataclass(slots=True)
class Teller:
    """What one reader was told. `frames` gives what is new to it; `over` when nothing more will come."""

    over: bool = False
    _status: tuple[str, int | None] | None = None
    _progress: Mapping[str, Any] | None = None
    _preview: Preview | None = None
    _outputs: set[str] = field(default_factory=set)
    _paced_at: dict[str, float] = field(default_factory=dict)

    def frames(self, state: State, now: float) -> Iterator[bytes]:
        """Frames for what the reader does not know yet; outputs come before a terminal status."""
        terminal = state.status in TERMINAL
        if not terminal:
            yield from self._say_status(state)
        if state.progress is not None and state.progress != self._progress and self._may("progress", now, terminal):
            self._progress = state.progress
            yield frame("progress", state.progress)
        if not terminal and state.preview is not None and state.preview is not self._preview and self._may("preview", now, False):
            self._preview = state.preview
            yield _preview_frame(state.preview)
        for output in state.outputs:
            if output["id"] not in self._outputs:
                self._outputs.add(output["id"])
                yield frame("output", output)
        if terminal and not self.over:
            yield from self._say_status(state)
            self.over = True

    def held_back(self, state: State) -> bool:
        """Whether something waits only for its pace: it must be said a little later even if nothing changes any more."""
        progress = state.progress is not None and state.progress != self._progress
        return not self.over and (progress or (state.preview is not None and state.preview is not self._preview))

    def _say_status(self, state: State) -> Iterator[bytes]:
        status = (state.status, state.queue_position)
        if status != self._status:
            self._status = status
            yield frame("status", {"status": state.status, "queue_position": state.queue_position})

    def _may(self, what: str, now: float, at_once: bool) -> bool:
        if not at_once and now < self._paced_at.get(what, float("-inf")) + PACE_SECONDS:
            return False
        self._paced_at[what] = now
        return True


def frame(event: str, data: Mapping[str, Any]) -> bytes:
    """One event; JSON has no line breaks, so it is one line of data."""
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _preview_frame(preview: Preview) -> bytes:
    data = base64.b64encode(preview.data).decode()
    return frame("preview", {"node_id": preview.node_id, "content_type": preview.media_type, "data_base64": data})
