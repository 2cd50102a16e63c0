"""What the docker says, as pure functions: state in, sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from ..client.model import Budget, Machine, Money, Price
from ..i18n import later, tr
from .progress import Progress

_MONTHS = (
    later("January"),
    later("February"),
    later("March"),
    later("April"),
    later("May"),
    later("June"),
    later("July"),
    later("August"),
    later("September"),
    later("October"),
    later("November"),
    later("December"),
)


@dataclass(frozen=True)
class Notice:
    """Something she should know or do. `action`: '' or what a click opens: `settings`."""

    title: str
    hint: str = ""
    action: str = ""


def disk_notice(error: Exception) -> Notice:
    """For what went wrong on this computer."""
    if isinstance(error, OSError):
        return Notice(
            tr("Your picture could not be put into safe keeping ({reason}).", reason=error.strerror or str(error)),
            tr("Make room on the disk of your user folder, then press the button again."),
        )
    reason = str(error) or type(error).__name__
    return Notice(tr("The picture could not be prepared ({reason}).", reason=reason), tr("Press the button again."))


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
    places = 0 if value.amount == round(value.amount) else 2 if value.amount >= 0.01 else 3
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
    text = tr("Team: {spent} of {limit}", spent=money(budget.spent), limit=money(budget.limit))
    return text if budget.resets_at is None else tr("{amount} in {month}", amount=text, month=tr(_MONTHS[month.month - 1]))


def main_machine(machines: list[Machine]) -> Machine | None:
    """The one to talk about: the most awake of them."""
    order = ("busy", "ready", "draining", "waking", "stopping", "asleep", "failed")
    known = [machine for machine in machines if machine.state in order]
    return min(known, key=lambda machine: order.index(machine.state), default=None)


def bar_text(progress: Progress, now: float, *, step: tuple[int, int] | None, eta: float | None, others: int) -> str:
    """The few words on the bar. `eta`: seconds left now, overdue when below zero. What is left and what has passed (`0:04`) look
    different, so that one is not taken for the other.
    """
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
        left = tr("{wait} left", wait=duration(eta)) if eta >= 1 else tr("a moment left")
        words = tr("{words} · {wait}", words=words, wait=left)
    elif progress.phase == "models" and progress.elapsed(now) >= 1:
        passed = int(progress.elapsed(now))
        words = tr("{words} · {wait}", words=words, wait=f"{passed // 60}:{passed % 60:02d}")
    return words if not others else tr("{words} · {n} more", words=words, n=others)


def offer_sentence(count: int, *, earlier: bool, homeless: bool) -> str:
    """The question about pictures that wait. `earlier`: Krita was closed meanwhile; `homeless`: their document is gone."""
    if homeless and count == 1:
        return tr("1 picture was finished for a document that was never saved. Show it here?")
    if homeless:
        return tr("{n} pictures were finished for a document that was never saved. Show them here?", n=count)
    if earlier and count == 1:
        return tr("While Krita was closed, 1 picture was finished for this document. Show it?")
    if earlier:
        return tr("While Krita was closed, {n} pictures were finished for this document. Show them?", n=count)
    return (
        tr("1 picture waits for this document. Show it?")
        if count == 1
        else tr("{n} pictures wait for this document. Show them?", n=count)
    )
