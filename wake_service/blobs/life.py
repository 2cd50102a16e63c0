"""How long pictures are kept: values in, values out.

An upload is kept while it is pinned, while an unfinished job starts from it, and as long as the results of the jobs that
started from it. A result is kept for the admin's number of days after its job's end. A file of an artist's folders is kept as
long as a result after it was last used: sent, made, or started from; one in `temp` for a day at most. What nobody may see any
more goes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY = 86_400.0
#: Bytes are written down within seconds after they were put; what nobody wrote down by then belongs to nobody. In seconds.
GRACE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Holding:
    """One artist's hold on one blob. Moments in epoch seconds.

    `jobs`: how many unfinished jobs start from it. `last_ended_at`: when the last finished one that did ended.
    `results`: how many stored results it is. `named`: how many of her files and assets are it.
    """

    artist_id: str
    sha256: str
    pinned_until: float
    jobs: int = 0
    last_ended_at: float | None = None
    results: int = 0
    named: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long results stay after their job's end, in days; None: for ever."""

    days: float | None

    def ends_at(self, ended_at: float) -> float:
        """When what belongs to a job that ended then may go."""
        return math.inf if self.days is None else ended_at + self.days * DAY

    def expired(self, now: float) -> float:
        """Jobs that ended at this moment or before have had their time."""
        return -math.inf if self.days is None else now - self.days * DAY

    def temp_expired(self, now: float) -> float:
        """Files in `temp` that were last used at this moment or before have had their time."""
        return max(self.expired(now), now - DAY)


def kept_until(holding: Holding, retention: Retention) -> float:
    """Until when an artist keeps a blob; infinite while a job needs it, it is a result (which goes with its job), or a file."""
    if holding.jobs or holding.results or holding.named:
        return math.inf
    ended = -math.inf if holding.last_ended_at is None else retention.ends_at(holding.last_ended_at)
    return max(holding.pinned_until, ended)


def may_go(holding: Holding, retention: Retention, now: float) -> bool:
    """Whether an artist's hold on a blob has ended."""
    return kept_until(holding, retention) <= now


def exceeds(quota: int | None, used: int, more: int) -> bool:
    """Whether `more` bytes on top of those `used` are more than an artist may have."""
    return quota is not None and used + more > quota
