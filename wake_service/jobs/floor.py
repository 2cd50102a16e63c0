"""What the dispatcher knows of machines, and asks of the side that looks after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wake_service.comfy.catalogue import Catalogue
from wake_service.jobs.model import Job
from wake_service.jobs.pace import Effort


@dataclass(frozen=True, slots=True)
class Machine:
    """What the dispatcher needs to know of a machine. `boot` tells its lives apart."""

    id: str
    pool: str
    boot: str
    price_micros_per_hour: int


@dataclass(frozen=True, slots=True)
class Floor:
    """What the machines' side answers and is told (app.py joins the two).

    `accepts`: whether a machine may take another job. `may_spend`: whether a team's budget allows a job to begin;
    `may_spend_each`: the same for many jobs at one moment. `occupied`: for which job a machine works now (None: it
    rests). `unreachable`: its engine cannot be spoken to. `picture_seconds`: what a picture took, and its effort. `catalogue`:
    what a pool's engines can do. `hand_over`: has a machine at rest wiped for another artist; whether that has begun. `up`: a
    pool's machines that are up, or will be.
    """

    accepts: Callable[[str], bool]
    may_spend: Callable[[Job], bool]
    may_spend_each: Callable[[], Callable[[Job], bool]]
    occupied: Callable[[str, Job | None], Awaitable[None]]
    unreachable: Callable[[str, str], Awaitable[None]]
    picture_seconds: Callable[[float, Effort | None], None]
    catalogue: Callable[[str], Catalogue | None]
    hand_over: Callable[[str], bool]
    up: Callable[[str], list[str]]
