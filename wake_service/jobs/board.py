"""The unfinished jobs, in memory: who is next, and how many are before whom. It follows the database, never leads it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from wake_service.jobs.model import Job, JobState

K = TypeVar("K")


class Board:
    """Unfinished jobs of all artists, with the unclaimed ones in order of arrival. Gathered ones are in no queue."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._waiting: list[tuple[int, str]] = []
        #: How many of them are not simply in order of arrival.
        self._ordered = 0
        self._of_artist: Counter[str] = Counter()
        self._of_team: Counter[tuple[str, str]] = Counter()
        self._on_machine: defaultdict[str, set[str]] = defaultdict(set)

    def put(self, job: Job) -> None:
        """Takes in a job as it is now; a finished one leaves."""
        self.discard(job.id)
        if not job.unfinished:
            return
        self._jobs[job.id] = job
        self._of_artist[job.artist_id] += 1
        if job.machine_id is not None:
            self._on_machine[job.machine_id].add(job.id)
        elif job.state is JobState.QUEUED and not job.gathered:
            insort(self._waiting, (job.place, job.id))
            self._of_team[job.pool, job.team_id] += 1
            self._ordered += bool(job.order)

    def discard(self, job_id: str) -> None:
        """Forgets a job."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return
        _take_one(self._of_artist, job.artist_id)
        if job.machine_id is not None:
            held = self._on_machine[job.machine_id]
            held.discard(job_id)
            if not held:
                del self._on_machine[job.machine_id]
        else:
            index = bisect_left(self._waiting, (job.place, job_id))
            if index < len(self._waiting) and self._waiting[index][1] == job_id:
                del self._waiting[index]
                _take_one(self._of_team, (job.pool, job.team_id))
                self._ordered -= bool(job.order)

    def get(self, job_id: str) -> Job | None:
        """The job, if it is unfinished."""
        return self._jobs.get(job_id)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def waiting(self, pool: str) -> Iterator[Job]:
        """Jobs that no machine holds, in the order in which it is their turn."""
        queue = [job for _, job_id in self._waiting if (job := self._jobs[job_id]).pool == pool]
        yield from in_turn(queue) if self._ordered else queue

    def first_waiting(self, pool: str, eligible: Callable[[Job], bool]) -> Job | None:
        """The next job for a machine of the pool."""
        for _, job_id in self._waiting:
            job = self._jobs[job_id]
            if job.pool == pool and eligible(job):
                return self._her_first(job, eligible) if self._ordered else job
        return None

    def _her_first(self, turn: Job, eligible: Callable[[Job], bool]) -> Job:
        """It is an artist's turn: which of her jobs comes first their order says, and others wait no longer for it."""
        return min((job for job in self._peers(turn) if job is turn or eligible(job)), key=_by_order)

    def _peers(self, job: Job) -> list[Job]:
        """The waiting jobs that share their turns with this one, in order of arrival."""
        waiting = (self._jobs[job_id] for _, job_id in self._waiting)
        return [other for other in waiting if _sharing(other) == _sharing(job)]

    def front(self, artist_id: str) -> int:
        """What puts a job of hers before all that wait."""
        return min((job.front for job in self._jobs.values() if job.artist_id == artist_id), default=0) - 1

    def gathered(self, artist_id: str) -> list[Job]:
        """What an artist has gathered, in order of arrival."""
        return [job for job in self.of_artist(artist_id) if job.gathered]

    def on_machine(self, machine_id: str) -> list[Job]:
        """The jobs a machine holds, in order of arrival."""
        return sorted((self._jobs[job_id] for job_id in self._on_machine.get(machine_id, ())), key=lambda job: job.place)

    def count_on_machine(self, machine_id: str) -> int:
        """How many jobs a machine holds."""
        return len(self._on_machine.get(machine_id, ()))

    def of_artist(self, artist_id: str) -> list[Job]:
        """An artist's unfinished jobs, in order of arrival."""
        return sorted((job for job in self._jobs.values() if job.artist_id == artist_id), key=lambda job: job.place)

    def count_of_artist(self, artist_id: str) -> int:
        """How many unfinished jobs an artist has."""
        return self._of_artist[artist_id]

    def waiting_by_team(self, pool: str) -> dict[str, int]:
        """How many jobs of each team no machine holds."""
        return {team_id: count for (of_pool, team_id), count in self._of_team.items() if of_pool == pool}

    def ahead(self, job: Job) -> int | None:
        """How many jobs come before this one, those that machines hold included; None once it runs, and while it is gathered."""
        if job.state is JobState.RUNNING or job.gathered:
            return None
        place = self._turn(job)
        held = [other for other in self._held() if other.place < place]
        if job.machine_id is not None:
            return len(held)
        return bisect_left(self._waiting, (place, "")) + len(held)

    def _turn(self, job: Job) -> int:
        """The place in the queue at which it is a job's turn; it need not wait there yet."""
        if job.machine_id is not None or not (self._ordered or job.order):
            return job.place
        peers = [other for other in self._peers(job) if other.id != job.id] + [job]
        index = sorted(peers, key=_by_order).index(job)
        return sorted(other.place for other in peers)[index]

    def _held(self) -> Iterator[Job]:
        for job_ids in self._on_machine.values():
            for job_id in job_ids:
                yield self._jobs[job_id]


def _take_one(counts: Counter[K], key: K) -> None:
    """Counts one less, and keeps no zeros: whoever came once need not be remembered."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def in_turn(waiting: Iterable[Job]) -> Iterator[Job]:
    """Jobs, given in order of arrival, in the order in which it is their turn: each has a turn, and whose that is arrival alone
    decides; which of an artist's own it is their order."""
    queue = list(waiting)
    own: defaultdict[tuple[str, str, bool], list[Job]] = defaultdict(list)
    for job in queue:
        own[_sharing(job)].append(job)
    turns = {sharing: iter(sorted(jobs, key=_by_order)) for sharing, jobs in own.items()}
    return (next(turns[_sharing(job)]) for job in queue)


def _sharing(job: Job) -> tuple[str, str, bool]:
    """Jobs of which this is the same share their turns."""
    return job.artist_id, job.pool, job.is_workflow


def _by_order(job: Job) -> tuple[float, int]:
    return job.order, job.place
