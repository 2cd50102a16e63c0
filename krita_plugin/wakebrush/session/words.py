"""What the docker says, as pure functions: state in, sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from ..client.model import Budget, Job, Machine, Money, Price
from ..i18n import tr
from .progress import Progress

#: Waking is called slow when it takes this much longer than expected.
SLOW = 1.5


@dataclass(frozen=True)
class StateLine:
    """One dot and one sentence. `dot`: off, asleep, waking, ready, busy or trouble."""

    dot: str
    sentence: str


@dataclass(frozen=True)
class Notice:
    """Something she should know or do. `action`: '' or what a click opens: `settings`."""

    title: str
    hint: str = ""
    action: str = ""


def button_label(mode: str, strength: float) -> str:
    """What the button will do."""
    if mode == "inpaint":
        return tr("Fill the selection") if strength >= 1 else tr("Refine the selection")
    return tr("Refine") if mode == "image_to_image" else tr("Generate")


def duration(seconds: float) -> str:
    """`35 s`, `1:50` or `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 100:
        return tr("{n} s", n=whole)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return tr("{h} h {m} min", h=whole // 3600, m=whole % 3600 // 60)


def about(seconds: float) -> str:
    """A wait in words that don't promise more than is known."""
    if seconds < 55:
        return tr("about {n} s", n=max(1, round(seconds / 5) * 5 if seconds > 10 else round(seconds)))
    return tr("about {n} min", n=max(1, round(seconds / 60)))


def money(value: Money) -> str:
    """`$0.55`, `$20`; more places only where cents would read as nothing."""
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(value.currency)
    places = 0 if value.amount == round(value.amount) else 2 if value.amount >= 0.01 else 4
    return f"{sign}{value.amount:.{places}f}" if sign else f"{value.amount:.{places}f} {value.currency}"


def price_text(machine: Machine | None, last: Price | None) -> str:
    """What the button will cost, honest about the wake; '' when it costs nothing or nobody knows.

    `last`: what the service said for the last picture, if the machine's being awake has not changed since.
    """
    if last is not None and last.estimate is not None and last.estimate.amount > 0:
        return "~" + money(last.estimate)
    if machine is None or machine.price_per_hour is None or machine.price_per_hour.amount <= 0:
        return ""
    hourly = machine.price_per_hour
    if machine.awake or machine.wake_seconds is None:
        return tr("{price} an hour", price=money(hourly))
    wake = Money(hourly.amount * machine.wake_seconds / 3600, hourly.currency)
    return tr("~{wake} to wake, then {price} an hour", wake=money(wake), price=money(hourly))


def budget_text(budget: Budget | None) -> str:
    """`Team: $3.10 of $20 in November`"""
    if budget is None:
        return ""
    month = datetime.fromtimestamp((budget.resets_at or 0.0) - 86_400, timezone.utc)
    names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    text = tr("Team: {spent} of {limit}", spent=money(budget.spent), limit=money(budget.limit))
    return text if budget.resets_at is None else tr("{amount} in {month}", amount=text, month=tr(names[month.month - 1]))


def main_machine(machines: list[Machine]) -> Machine | None:
    """The one to talk about: the most awake of them."""
    order = ("busy", "ready", "draining", "waking", "stopping", "asleep", "failed")
    known = [machine for machine in machines if machine.state in order]
    return min(known, key=lambda machine: order.index(machine.state), default=None)


def machine_line(machine: Machine | None, now: float) -> StateLine:
    """The state of the machine when nothing of hers is under way."""
    if machine is None:
        return StateLine("asleep", tr("No machine is set up yet."))
    if machine.state == "waking":
        return StateLine("waking", waking_sentence(machine, now))
    if machine.state == "failed":
        return StateLine("trouble", machine.message or tr("The machine did not start. It is tried again with the next picture."))
    if machine.state in ("stopping", "draining"):
        return StateLine("asleep", tr("Going to sleep. A new picture wakes it again."))
    if machine.state == "asleep":
        if machine.wake_seconds is None:
            return StateLine("asleep", tr("Asleep. The first picture takes a little longer."))
        return StateLine("asleep", tr("Asleep. The first picture takes {wait} longer.", wait=about(machine.wake_seconds)))
    left = None if machine.sleeps_at is None or machine.state == "busy" else machine.sleeps_at - now
    if left is not None and 0 < left < 3600:
        return StateLine("ready", tr("Ready. Sleeps in {wait} without work.", wait=duration(left)))
    return StateLine("ready", tr("Ready."))


def waking_sentence(machine: Machine, now: float) -> str:
    """`Waking: booting the machine. About 35 s left.`"""
    elapsed = now - machine.since if machine.since is not None else 0.0
    if machine.wake_seconds and elapsed > max(machine.wake_seconds * SLOW, machine.wake_seconds + 10):
        return tr("Waking takes longer than usual ({elapsed}). Your picture is safe in the queue.", elapsed=duration(elapsed))
    step = {
        "requested": tr("asking for the machine"),
        "starting": tr("starting the machine"),
        "booting": tr("booting"),
        "engine": tr("loading the engine"),
    }.get(machine.stage or "", tr("starting"))
    if machine.eta_seconds is None:
        return tr("Waking: {step}.", step=step)
    wait = about(machine.eta_seconds)
    return tr("Waking: {step}. {wait} left.", step=step, wait=wait[0].upper() + wait[1:])


def waiting_sentence(job: Job, machine: Machine | None, now: float) -> StateLine:
    """What a queued job waits for."""
    if job.attempt > 1 and job.waiting_for in (None, "no_machine", "machine_waking"):
        return StateLine("waking", tr("The machine was lost. Your picture starts again by itself (attempt {n}).", n=job.attempt))
    if job.waiting_for == "capacity":
        return StateLine("waking", tr("All machines of this kind are taken. Trying the next kind."))
    if job.waiting_for == "budget":
        return StateLine("trouble", tr("The team's budget is used up. Ask your admin; your picture waits."))
    if job.waiting_for == "paused":
        return StateLine("trouble", tr("Your admin has paused painting. Your picture is safe in the queue."))
    if job.waiting_for in ("machine_waking", "no_machine") and machine is not None and machine.state == "waking":
        return StateLine("waking", waking_sentence(machine, now))
    if job.waiting_for in ("machine_waking", "no_machine"):
        return StateLine("waking", tr("Waking the machine."))
    if job.ahead:
        pictures = tr("1 picture before yours") if job.ahead == 1 else tr("{n} pictures before yours", n=job.ahead)
        wait = "" if job.eta_seconds is None else ", " + about(job.eta_seconds)
        return StateLine("busy", f"{pictures}{wait}.")
    return StateLine("busy", tr("Your picture is next."))


def running_sentence(stage: str | None) -> StateLine:
    """What the machine does for her."""
    if stage == "models":
        return StateLine("busy", tr("Loading the model."))
    if stage == "saving":
        return StateLine("busy", tr("Saving the picture."))
    return StateLine("busy", tr("Painting."))


def bar_text(progress: Progress, now: float, *, step: tuple[int, int] | None, eta: float | None, others: int) -> str:
    """The few words on the bar."""
    words = {
        "sending": tr("sending"),
        "waking": tr("waking"),
        "waiting": tr("waiting"),
        "models": tr("loading model"),
        "sampling": tr("painting"),
        "saving": tr("saving"),
        "inserting": tr("placing the layer"),
    }[progress.phase]
    if progress.phase == "sampling" and step is not None:
        words = tr("{words} {step}/{steps}", words=words, step=step[0], steps=step[1])
    elif eta is not None and progress.phase in ("waking", "waiting"):
        words = tr("{words} · {wait}", words=words, wait=duration(eta))
    elif progress.phase in ("waking", "waiting", "models") and progress.elapsed(now) >= 1:
        words = tr("{words} · {wait}", words=words, wait=duration(progress.elapsed(now)))
    return words if not others else tr("{words} · {n} more", words=words, n=others)
