"""What is told of a workflow to those who follow it: state, progress, previews, results."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from wake_service.files.model import StoredFile
from wake_service.jobs.model import Job, JobState

#: News that may wait for a follower; of progress and previews only the newest wait.
MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class StateNews:
    """The job has changed."""

    job: Job


@dataclass(frozen=True, slots=True)
class ProgressNews:
    """How far it is. `value` from 0 to 1, never falls; `step` of `steps` in the node that runs."""

    value: float
    nodes_done: int
    nodes_total: int
    node_id: str | None = None
    class_type: str | None = None
    step: int | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class PreviewNews:
    """A picture of the work so far."""

    node_id: str | None
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class OutputNews:
    """A result that is stored."""

    file: StoredFile


News: TypeAlias = StateNews | ProgressNews | PreviewNews | OutputNews


@dataclass(slots=True)
class Latest:
    """What was said last of a workflow, for those who ask or come late."""

    progress: ProgressNews | None = None
    preview: PreviewNews | None = None

    def note(self, news: News) -> None:
        """Takes news into account. How far it was outlives its end: somebody may just be telling of the moment before."""
        match news:
            case ProgressNews():
                self.progress = news
            case PreviewNews():
                self.preview = news
            case StateNews(job) if job.state is JobState.QUEUED:
                self.progress = self.preview = None
            case StateNews(job) if not job.unfinished:
                self.preview = None


class Follower:
    """One who follows a workflow. Slow ones miss steps and previews, never a state or a result."""

    def __init__(self) -> None:
        self._waiting: deque[News] = deque()
        self._changed = asyncio.Event()

    def put(self, news: News) -> None:
        """Never waits."""
        if isinstance(news, ProgressNews | PreviewNews):
            self._waiting = deque(each for each in self._waiting if type(each) is not type(news))
        self._waiting.append(news)
        self._changed.set()

    async def take(self) -> News:
        """The next news, as soon as there are any."""
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()
