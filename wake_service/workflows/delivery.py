"""Which result is handed out, and when again: at least once until it is acknowledged, never after. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

#: How long a subscriber has for a result before another one gets it, in seconds, if it asks for nothing else.
VISIBILITY_SECONDS = 60.0
SHORTEST_VISIBILITY, LONGEST_VISIBILITY = 1.0, 12 * 3600.0
_ID = re.compile(r"([0-9a-zA-Z-]{1,36})\.([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Task:
    """One task of an artist, and how its result fares. Moments in epoch seconds.

    `finished_at` and `place` are its job's. `deliveries`: how often its result was handed out. `redeliver_at`: when it is handed
    out again, unless it is acknowledged before.
    """

    job_id: str
    task_id: str
    place: int
    finished_at: float | None = None
    deliveries: int = 0
    redeliver_at: float | None = None
    acknowledged_at: float | None = None


@dataclass(frozen=True, slots=True)
class DeliveryId:
    """Names one handing out of a result: its job's id, a dot, and the how manieth time it was."""

    job_id: str
    number: int

    def __str__(self) -> str:
        return f"{self.job_id}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> DeliveryId | None:
        """The id again; None for what cannot be one."""
        match = _ID.fullmatch(text)
        return cls(match[1], int(match[2])) if match else None

    @classmethod
    def latest(cls, task: Task) -> DeliveryId:
        """The one that a task's result was handed out under last."""
        return cls(task.job_id, task.deliveries)


def due(tasks: Iterable[Task], now: float, most: int) -> list[Task]:
    """What is to be handed out now, at most so many, in order of finishing."""
    waiting = [task for task in tasks if _is_open(task) and not _is_out(task, now)]
    return sorted(waiting, key=_order)[:most]


def next_at(tasks: Iterable[Task], now: float) -> float | None:
    """When the next result comes back from a subscriber that has not acknowledged it; None when none is out."""
    return min((task.redeliver_at for task in tasks if _is_open(task) and task.redeliver_at and _is_out(task, now)), default=None)


def delivered(task: Task, now: float, visibility: float) -> Task:
    """It is handed out, and others do not see it for `visibility` seconds."""
    return replace(task, deliveries=task.deliveries + 1, redeliver_at=now + visibility)


def was_delivered(task: Task, delivery: DeliveryId) -> bool:
    """Whether this handing out ever took place."""
    return task.job_id == delivery.job_id and delivery.number <= task.deliveries


def acknowledged(task: Task, now: float) -> Task:
    """Somebody has it for good. Whoever got it, however long ago, may say so: it did its work, and nobody else need."""
    return task if task.acknowledged_at is not None else replace(task, acknowledged_at=now)


def returned(task: Task, delivery: DeliveryId, now: float) -> Task:
    """Its subscriber has gone: it is handed out anew at once, unless somebody else has it by now."""
    current = _is_open(task) and delivery == DeliveryId.latest(task)
    return replace(task, redeliver_at=now) if current else task


def _is_open(task: Task) -> bool:
    return task.finished_at is not None and task.acknowledged_at is None


def _is_out(task: Task, now: float) -> bool:
    return task.redeliver_at is not None and task.redeliver_at > now


def _order(task: Task) -> tuple[float, int]:
    return task.finished_at or 0.0, task.place
