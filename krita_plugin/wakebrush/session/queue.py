"""The queue as the docker lists it: one row for each press of the button. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..client.model import Job, Machine, Money
from ..i18n import tr
from .words import about, duration

_TITLE_LENGTH = 60
#: What is nearer to being done stands above.
_ORDER = {"running": 0, "queued": 1, "unsent": 2, "gathered": 3}


@dataclass(frozen=True)
class Unsent:
    """A press that the service does not know all of yet. `key`: the press's, which is the group of its jobs."""

    key: str
    title: str


@dataclass(frozen=True)
class Row:
    """`keys`: ids of its jobs, or the key of the press while nothing of it is sent. `state`: running, queued, unsent or gathered.

    `place`: jobs before it. `can_go_first`: others of hers are before it. `tip`: the whole prompt.
    """

    keys: tuple[str, ...]
    title: str
    sentence: str
    state: str = "queued"
    place: int = 0
    can_go_first: bool = False
    tip: str = ""


def rows(
    jobs: Iterable[Job],
    unsent: Iterable[Unsent],
    machine: Machine | None,
    steps: Mapping[str, tuple[int, int]] | None = None,
) -> tuple[Row, ...]:
    """Her unfinished jobs and what is not sent yet, what comes first on top. `jobs` and `machine` as of now (waits.py);
    `steps`: how far the sampler of a running job is."""
    presses: dict[str, list[Job]] = {}
    for job in jobs:
        if job.unfinished:
            presses.setdefault(job.group or job.id, []).append(job)
    listed = [_row(press, machine, steps or {}) for press in presses.values()]
    listed += [
        Row((each.key,), shortened(each.title), tr("sending"), "unsent", tip=each.title)
        for each in unsent
        if each.key not in presses
    ]
    listed.sort(key=lambda row: (_ORDER[row.state], row.place))
    first = next((row for row in listed if row.state == "queued"), None)
    return tuple(replace(row, can_go_first=row.state == "queued" and row is not first) for row in listed)


def shortened(prompt: str) -> str:
    """A prompt's first words, on one line."""
    text = " ".join(prompt.split())
    return text if len(text) <= _TITLE_LENGTH else text[: _TITLE_LENGTH - 1].rstrip() + "…"


def gathered(jobs: Iterable[Job]) -> list[Job]:
    """The ideas that wait for a wake."""
    return [job for job in jobs if job.state == "queued" and job.waiting_for == "gathered"]


def ideas(jobs: Iterable[Job]) -> int:
    """How many presses that are."""
    return len({job.group or job.id for job in gathered(jobs)})


def pictures(press: Iterable[Job]) -> int:
    """How many pictures a press is: one that is painted in several regions at once is still one."""
    jobs = list(press)
    return sum(job.count for job in jobs) // len({job.region for job in jobs})


def total_cost(jobs: Iterable[Job]) -> Money | None:
    """What jobs have cost together; None where nobody knows."""
    costs = [job.cost for job in jobs if job.cost is not None]
    return Money(sum(cost.amount for cost in costs), costs[0].currency) if costs else None


def waiting_words(job: Job, machine: Machine | None) -> str:
    """What a queued job waits for, in a few words."""
    reason = {
        "gathered": tr("an idea, waits for your word"),
        "budget": tr("waits for the budget"),
        "capacity": tr("waits for a free machine"),
        "paused": tr("paused"),
    }.get(job.waiting_for or "")
    if reason is not None:
        return reason
    if job.ahead:
        before = tr("1 before it") if job.ahead == 1 else tr("{n} before it", n=job.ahead)
        known = job.eta_seconds is not None and job.eta_seconds >= 1
        return tr("{before}, {wait}", before=before, wait=about(job.eta_seconds or 0.0)) if known else before
    if job.waiting_for in ("machine_waking", "no_machine"):
        eta = machine.eta_seconds if machine is not None and machine.state == "waking" else None
        return tr("waking") if eta is None or eta < 1 else tr("waking, {wait} left", wait=duration(eta))
    return tr("next")


def cancelled_sentence(count: int, machine_sleeps: bool | None) -> str:
    """What is said after she has let go of pictures. `machine_sleeps`: as the service says it."""
    done = tr("Cancelled.") if count == 1 else tr("{n} pictures cancelled.", n=count)
    if machine_sleeps is None:
        return done
    if machine_sleeps:
        return tr("{done} The machine goes back to sleep.", done=done)
    return tr("{done} The machine wakes all the same: somebody waits for it.", done=done)


def _row(press: list[Job], machine: Machine | None, steps: Mapping[str, tuple[int, int]]) -> Row:
    """The row of one press: what is said of it is what is said of its foremost job."""
    front = min(press, key=lambda job: (job.state != "running", job.ahead or 0))
    state = "gathered" if front.state == "queued" and front.waiting_for == "gathered" else front.state
    sentence = waiting_words(front, machine) if front.state == "queued" else _running_words(front, steps.get(front.id))
    count = pictures(press)
    here = sum(len(job.results) for job in press) * count // sum(job.count for job in press)
    if here:
        sentence = tr("{words}, {here} of {count} are here", words=sentence, here=here, count=count)
    elif count > 1:
        sentence = tr("{words}, {count} pictures", words=sentence, count=count)
    title = shortened(front.prompt) or tr("a graph of another program")
    return Row(tuple(job.id for job in press), title, sentence, state, front.ahead or 0, tip=front.prompt)


def _running_words(job: Job, step: tuple[int, int] | None) -> str:
    if job.stage == "models":
        return tr("loading model")
    if job.stage == "saving":
        return tr("saving")
    return tr("painting") if step is None else tr("painting {step}/{steps}", step=step[0], steps=step[1])
