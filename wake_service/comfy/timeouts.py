"""How long the engine may take for each kind of call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds.

    `connect`: until a connection stands. `answer`: small calls; an engine that collects garbage or loads weights
    stalls for seconds. `transfer`: pictures, and `/object_info`, which may walk folders on a network disk.
    `heartbeat`: between pings on the socket; half of it without an answer ends the connection. Generous, because
    reading weights can hold an engine's event loop.
    """

    connect: float = 5.0
    answer: float = 30.0
    transfer: float = 300.0
    heartbeat: float = 60.0
