"""Whose turn it is on machines that serve one artist at a time. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from wake_service.jobs.model import Job

#: While others wait, an artist has a machine for so long, in seconds, before theirs is the next turn; else as long as she wants.
#: Each hand-over costs an engine's start (ComfyUI's is some 10 to 30 s): so most of the time is spent painting.
TURN_SECONDS = 120.0


class Nobody(Enum):
    """Whose a machine is that is no artist's: `EMPTY`, all files on it were wiped; `UNKNOWN`, they may be anybody's."""

    EMPTY = "empty"
    UNKNOWN = "unknown"


Tenant = str | Nobody


@dataclass(frozen=True, slots=True)
class Post:
    """A machine that is at work, or will be (it has no room yet).

    `held`: pictures that it was given and that are not home; `room`: it may be given more; `since`: when its tenant came (epoch
    seconds); `comer`: for whom it is being wiped; `willing`: it may be wiped now.
    """

    machine_id: str
    tenant: Tenant
    held: int
    room: bool
    since: float
    comer: str | None = None
    willing: bool = True


@dataclass(frozen=True, slots=True)
class HandOver:
    """The machine is to be wiped for this artist."""

    artist_id: str


def choose(me: Post, others: Sequence[Post], waiting: Iterable[Job], now: float) -> Job | HandOver | None:
    """What a machine does next, of the jobs that wait, in their order: take one, be handed over, or (None) neither.

    None also while it is being wiped, and while it still has pictures of the artist whose turn is over: it takes no more, and is
    handed over when it has none.
    """
    if me.comer is not None:
        return None
    jobs = list(waiting)
    mine = next((job for job in jobs if job.artist_id == me.tenant), None)
    if mine is not None and now < me.since + TURN_SECONDS:
        return mine
    for artist_id, job in _first_of_each(jobs):
        if artist_id == me.tenant:
            return job
        if _served_elsewhere(artist_id, me, others, idle=mine is None and not me.held):
            continue
        if me.tenant is Nobody.EMPTY:
            return job
        if _yields(me, others, now):
            return HandOver(artist_id) if not me.held else None
    return None


def _first_of_each(jobs: Iterable[Job]) -> list[tuple[str, Job]]:
    first: dict[str, Job] = {}
    for job in jobs:
        first.setdefault(job.artist_id, job)
    return list(first.items())


def _served_elsewhere(artist_id: str, me: Post, others: Sequence[Post], *, idle: bool) -> bool:
    """Whether an artist's next job is another machine's: one that is hers, is being wiped for her, or is empty.

    So is one of hers that still wakes. One that is full is helped out by machines that nobody else wants.
    """
    if any(post.comer == artist_id for post in others):
        return True
    hers = [post for post in others if post.tenant == artist_id and post.comer is None]
    if any(post.room or not post.held for post in hers):
        return True
    if me.tenant is Nobody.EMPTY:
        return False
    return bool(hers and not idle) or any(post.tenant is Nobody.EMPTY and post.comer is None for post in others)


def _yields(me: Post, others: Sequence[Post], now: float) -> bool:
    """Whether of all machines it is the one to be handed over: the one that is free soonest."""

    def burden(post: Post) -> tuple[bool, int, str]:
        return post.held > 0 and now < post.since + TURN_SECONDS, post.held, post.machine_id

    able = [post for post in (me, *others) if post.willing and post.comer is None and post.tenant is not Nobody.EMPTY]
    return me.willing and min(able, key=burden) is me
