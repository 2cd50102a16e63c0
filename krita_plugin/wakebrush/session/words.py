"""What the docker says, as pure functions: state in, sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from ..client.model import Machine
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
    """Something she should know or do. `action`: '' or what a click does: `settings`, `connect`, `update`.
    `good`: nothing is wrong."""

    title: str
    hint: str = ""
    action: str = ""
    good: bool = False


def disk_notice(error: Exception) -> Notice:
    """For what went wrong on this computer."""
    if isinstance(error, OSError):
        return Notice(
            tr("Your picture could not be put into safe keeping ({reason}).", reason=error.strerror or str(error)),
            tr("Make room on the disk of your user folder, then press the button again."),
        )
    reason = str(error) or type(error).__name__
    return Notice(tr("The picture could not be prepared ({reason}).", reason=reason), tr("Press the button again."))


def garbled_notice(error: Exception) -> Notice:
    """For an answer of the service that has not the form it should have."""
    return Notice(
        tr("The service answered something that this plugin cannot read ({reason}).", reason=type(error).__name__),
        tr("Try again. If it stays so, update the plugin or tell your admin."),
    )


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


def ago(seconds: float) -> str:
    """How long something is past, in words that stay right for a while."""
    if seconds < 90:
        return tr("just now")
    if seconds < 5400:
        return tr("{n} min ago", n=round(seconds / 60))
    if seconds < 129_600:
        return tr("{n} h ago", n=round(seconds / 3600))
    return tr("{n} days ago", n=round(seconds / 86_400))


def month_name(month: int) -> str:
    """1 is January."""
    return tr(_MONTHS[month - 1])


def span(seconds: float) -> str:
    """`45 s`, `28 min` or `2 h 5 min`: a time that is not watched running down."""
    if seconds < 100 or seconds >= 3600:
        return duration(seconds)
    return tr("{n} min", n=round(seconds / 60))


def clock_time(at: float, zone: tzinfo | None = None) -> str:
    """`15:40` in her time (or in `zone`); `at`: epoch seconds."""
    return f"{datetime.fromtimestamp(at, zone):%H:%M}"


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


def offer_sentence(count: int, *, homeless: bool) -> str:
    """The question about pictures that wait: finished while Krita was closed. `homeless`: their document is gone."""
    if homeless and count == 1:
        return tr("1 picture was finished for a document that was never saved. Show it here?")
    if homeless:
        return tr("{n} pictures were finished for a document that was never saved. Show them here?", n=count)
    if count == 1:
        return tr("While Krita was closed, 1 picture was finished for this document. Show it?")
    return tr("While Krita was closed, {n} pictures were finished for this document. Show them?", n=count)
