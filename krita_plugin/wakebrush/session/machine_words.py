"""What is said of the machines, and what may be done with them, as one value for the docker to show. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from ..client.model import Budget, Machine, Me, PriceQuote
from ..i18n import tr
from .prices import hold_label, is_free, is_used_up, money, wake_label
from .state_line import is_sleepy, waking_sentence
from .words import clock_time

_HOLDABLE = ("waking", "ready", "busy")
#: A hold can be made longer when so little of it is left, in seconds.
_NEARLY = 900.0


@dataclass(frozen=True)
class MachineView:
    """What the machine row shows. A verb whose label is '' is not offered.

    `urgent`: the verbs are shown without being asked for: it is about to go to sleep. `lines`: one for each machine.
    """

    wake: str = ""
    hold: str = ""
    let_go: str = ""
    urgent: bool = False
    lines: tuple[str, ...] = ()


def view(
    machines: Iterable[Machine],
    main: Machine | None,
    now: float,
    *,
    me: Me | None = None,
    quote: PriceQuote | None = None,
    zone: tzinfo | None = None,
) -> MachineView:
    """`main`: the one that is talked about; `now`: epoch seconds; `quote`: the newest price; `zone`: of her clock."""
    lines = tuple(machine_sentence(each, now, me, zone) for each in machines if each.state != "gone")
    if main is None:
        return MachineView(lines=lines)
    budget: Budget | None = me.budget if me is not None else None
    held = main.held_until is not None and main.held_until > now
    runs_out = main.held_until is not None and main.held_until - now < _NEARLY
    return MachineView(
        wake=wake_label(main, quote) if main.state == "asleep" and not is_used_up(budget) else "",
        hold=hold_label(main) if main.state in _HOLDABLE and (runs_out or not held) else "",
        let_go=tr("Let it sleep") if held else "",
        urgent=is_sleepy(main, now),
        lines=lines,
    )


def machine_sentence(machine: Machine, now: float, me: Me | None = None, zone: tzinfo | None = None) -> str:
    """One machine with all that is known of it."""
    parts = [machine.instance_type or machine.engine or machine.id]
    if machine.zone:
        parts[0] = tr("{kind} in {zone}", kind=parts[0], zone=machine.zone)
    parts.append(_state(machine, now))
    if machine.held_until is not None and machine.held_until > now:
        until = clock_time(machine.held_until, zone)
        if machine.held_by and not (me is not None and me.artist == machine.held_by):
            parts.append(tr("kept awake until {time} by {name}", time=until, name=machine.held_by))
        else:
            parts.append(tr("kept awake until {time}", time=until))
    elif machine.state == "ready" and machine.sleeps_at is not None and machine.sleeps_at > now:
        parts.append(tr("sleeps at {time} without work", time=clock_time(machine.sleeps_at, zone)))
    if machine.price_per_hour is not None and not is_free(machine):
        parts.append(tr("{price} an hour", price=money(machine.price_per_hour)))
    if machine.message and machine.state != "waking":
        parts.append(machine.message)
    return " · ".join(parts)


def _state(machine: Machine, now: float) -> str:
    if machine.state == "waking":
        return waking_sentence(machine, now, waits=False).rstrip(".")
    return {
        "asleep": tr("asleep"),
        "ready": tr("awake"),
        "busy": tr("painting"),
        "draining": tr("going to sleep"),
        "stopping": tr("going to sleep"),
        "failed": tr("did not start"),
    }.get(machine.state, machine.state)
