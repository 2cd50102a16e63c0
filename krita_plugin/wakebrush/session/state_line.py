"""The docker's first line: one dot and one sentence, for every situation. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from ..client.errors import ServiceError, Unreachable
from ..client.model import Budget, Job, Machine
from ..i18n import tr
from .prices import budget_sentence, is_used_up
from .words import about, clock_time, duration, span

#: Where the service does not say it, waking is slow when it takes this much longer than expected, or is so many seconds late.
SLOW = 1.5
LATE = 10.0
#: How long before it goes to sleep a machine says so, in seconds.
SLEEPY = 300.0


@dataclass(frozen=True)
class StateLine:
    """One dot and one sentence. `dot`: off, asleep, waking, ready, busy or trouble."""

    dot: str
    sentence: str


def unconnected_line(error: ServiceError | None, *, was_connected: bool, explained: bool) -> StateLine:
    """Without a service. `was_connected`: work may be under way there; `explained`: the error line says why already."""
    if error is None:
        return StateLine("off", tr("Looking for the Wakebrush service."))
    if isinstance(error, Unreachable) and was_connected:
        return StateLine("trouble", tr("Offline. Still painting; it appears when you are back."))
    return StateLine("trouble", tr("Not connected.") if explained else error.title)


def picture_line(job: Job | None, machine: Machine | None, now: float, *, budget: Budget | None = None) -> StateLine:
    """While a picture is under way. `job` and `machine` as of now (waits.py); `now`: epoch seconds."""
    if job is None:
        return StateLine("busy", tr("Sending your picture."))
    if job.state == "queued":
        return waiting_line(job, machine, now, budget)
    if job.state == "running":
        return running_line(job.stage)
    return StateLine("ready", tr("Your picture is here."))


def held_line() -> StateLine:
    """While a layer waits for her."""
    return StateLine("ready", tr("Your picture is here; it appears when your hand is off the canvas."))


def machine_line(machine: Machine | None, now: float, *, budget: Budget | None = None, zone: tzinfo | None = None) -> StateLine:
    """The state of the machine when nothing of hers is under way. `zone`: of her clock."""
    if machine is None:
        return StateLine("asleep", tr("No machine is set up yet."))
    if machine.state == "waking":
        return StateLine("waking", waking_sentence(machine, now, waits=False))
    if machine.state == "failed":
        return StateLine("trouble", machine.message or tr("The machine did not start. It is tried again with the next picture."))
    if is_used_up(budget):
        return StateLine("trouble", budget_sentence(budget))
    if machine.state in ("stopping", "draining"):
        return StateLine("asleep", tr("Going to sleep. A new picture wakes it again."))
    if machine.state == "asleep":
        if machine.wake_seconds is None:
            return StateLine("asleep", tr("Asleep. The first picture takes a little longer."))
        return StateLine("asleep", tr("Asleep. The first picture takes {wait} longer.", wait=about(machine.wake_seconds)))
    return StateLine("ready", awake_sentence(machine, now, zone))


def awake_sentence(machine: Machine, now: float, zone: tzinfo | None = None) -> str:
    """How long a machine that is ready or busy stays so. `zone`: of her clock."""
    if machine.held_until is not None and machine.held_until - now > SLEEPY:
        return tr("Awake until {time}, no waiting.", time=clock_time(machine.held_until, zone))
    left = seconds_to_sleep(machine, now)
    if left is None or left >= 3600:
        return tr("Ready.")
    if left > SLEEPY:
        return tr("Ready. Sleeps in {wait} without work.", wait=span(left))
    left = max(1.0, left)
    if machine.since is None or now - machine.since < 60:
        return tr("The machine sleeps in {wait}.", wait=span(left))
    idle = span(now - machine.since)
    return tr("Nobody has painted for {idle}. The machine sleeps in {wait}.", idle=idle, wait=span(left))


def seconds_to_sleep(machine: Machine, now: float) -> float | None:
    """Until an idle machine goes to sleep; None where it is not idle, or nobody knows."""
    if machine.state != "ready" or machine.sleeps_at is None or machine.sleeps_at <= now:
        return None
    return machine.sleeps_at - now


def is_sleepy(machine: Machine | None, now: float) -> bool:
    """Whether it is about to go to sleep, so that she is asked whether to keep it awake."""
    left = seconds_to_sleep(machine, now) if machine is not None else None
    return left is not None and left <= SLEEPY


def waking_sentence(machine: Machine, now: float, *, waits: bool = True) -> str:
    """`Waking: booting the machine. About 35 s left.` `machine.eta_seconds`: as of now, overdue when below zero.

    What the service says on what it is trying comes first: it is why the wake takes longer. `waits`: a picture of hers does.
    """
    if machine.message:
        return machine.message
    elapsed = now - machine.since if machine.since is not None else 0.0
    if elapsed > _slow_after(machine) or (machine.eta_seconds is not None and machine.eta_seconds < -LATE):
        if not waits:
            return tr("Waking takes longer than usual ({elapsed}).", elapsed=duration(elapsed))
        return tr("Waking takes longer than usual ({elapsed}). Your picture is safe in the queue.", elapsed=duration(elapsed))
    step = {
        "requested": tr("asking for the machine"),
        "starting": tr("starting the machine"),
        "booting": tr("booting"),
        "engine": tr("loading the engine"),
    }.get(machine.stage or "", tr("starting"))
    if machine.eta_seconds is None:
        return tr("Waking: {step}.", step=step)
    if machine.eta_seconds < 1:
        return tr("Waking: {step}. A moment left.", step=step)
    wait = about(machine.eta_seconds)
    return tr("Waking: {step}. {wait} left.", step=step, wait=wait[0].upper() + wait[1:])


def _slow_after(machine: Machine) -> float:
    """Seconds after which a wake takes longer than usual: the service has measured it, or half as long again is a guess."""
    if machine.slow_after_seconds is not None:
        return machine.slow_after_seconds
    usual = machine.wake_seconds
    return float("inf") if usual is None else max(usual * SLOW, usual + LATE)


def waiting_line(job: Job, machine: Machine | None, now: float, budget: Budget | None = None) -> StateLine:
    """What a queued job waits for, or why it is tried again."""
    if job.note and job.waiting_for in (None, "no_machine", "machine_waking", "machine_busy"):
        return StateLine("busy", job.note)
    if job.attempt > 1 and job.waiting_for in (None, "no_machine", "machine_waking"):
        return StateLine("waking", tr("The machine was lost. Your picture starts again by itself (attempt {n}).", n=job.attempt))
    if job.waiting_for == "capacity":
        said = machine.message if machine is not None else None
        return StateLine("waking", said or tr("All machines of this kind are taken. Trying the next kind."))
    if job.waiting_for == "budget":
        return StateLine("trouble", budget_sentence(budget))
    if job.waiting_for == "paused":
        said = machine.message if machine is not None else None
        return StateLine("trouble", said or tr("Your admin has paused painting. Your picture is safe in the queue."))
    if job.waiting_for in ("machine_waking", "no_machine") and machine is not None and machine.state == "waking":
        return StateLine("waking", waking_sentence(machine, now))
    if job.waiting_for in ("machine_waking", "no_machine") and machine is not None and machine.state == "failed":
        why = machine.message or tr("The machine did not start.")
        return StateLine("trouble", tr("{why} It is tried again; your picture is safe in the queue.", why=why))
    if job.waiting_for in ("machine_waking", "no_machine"):
        return StateLine("waking", tr("Waking the machine."))
    if job.ahead:
        pictures = tr("1 picture before yours") if job.ahead == 1 else tr("{n} pictures before yours", n=job.ahead)
        wait = "" if job.eta_seconds is None or job.eta_seconds < 1 else ", " + about(job.eta_seconds)
        return StateLine("busy", f"{pictures}{wait}.")
    return StateLine("busy", tr("Your picture is next."))


def running_line(stage: str | None) -> StateLine:
    """What the machine does for her."""
    if stage == "models":
        return StateLine("busy", tr("Loading the model."))
    if stage == "saving":
        return StateLine("busy", tr("Saving the picture."))
    return StateLine("busy", tr("Painting."))
