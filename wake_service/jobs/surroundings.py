"""What a runner needs from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wake_service.jobs.model import Job
from wake_service.jobs.picture import Picture

JobNote = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a runner needs from outside.

    `claim` gives it the next job (None: nothing to do, or it must not take more); `occupied` says for which job the machine
    works now, None when it rests; `unreachable` gives the machine up; `finished` measures a picture. Jobs are taken back by
    `interrupted` when somebody else stopped one at the engine, by `starved` when its GPU ran out of memory over one, by
    `turned_away` when the machine takes no new prompts. `home`: a picture, by its prompt id, is safe here;
    `left`: nobody works on it any more, whatever came of it.
    `client_id`: as whom the engine knows us; the next service must say the same, for the engine tells of a picture only whom
    it had it from.
    """

    client_id: str
    claim: Callable[[], Awaitable[tuple[Job, list[Picture]] | None]]
    occupied: Callable[[Job | None], Awaitable[None]]
    unreachable: Callable[[str], Awaitable[None]]
    finished: Callable[[Picture, float], None]
    interrupted: JobNote
    starved: JobNote
    turned_away: JobNote
    home: Callable[[str], None]
    left: Callable[[str], None]
