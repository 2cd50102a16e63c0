"""Who pays for a wake and its rest, once it is over: those it served, by the seconds it worked for each. Pure.

While a machine is up, what it costs between jobs is carried by whoever it ran for: first the one who asked, then the one it
worked for last. When it sleeps again, that is shared out among all it worked for, as transfers that add up to nothing: a wake
that served nobody stays with who carried it. A team is never given more than its budget has room for; the rest stays with who
carried it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wake_service.machines.intervals import Interval, Kind, Payer

#: Seconds are weighed in whole microseconds, so that sums are exact.
_FINE = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """What a wake's end gives somebody to pay (above zero), or takes off who carried it. `payer` None: the deployment itself."""

    payer: Payer | None
    micros: int


@dataclass(slots=True)
class Tally:
    """One wake so far: seconds of work by who it was for, and what else it cost this month (micros) by who carries that."""

    work: defaultdict[Payer | None, float] = field(default_factory=lambda: defaultdict(float))
    carried: defaultdict[Payer | None, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, interval: Interval, *, since: float) -> None:
        """One more closed interval; of its cost only what lies after `since`: a month that is over is not changed any more."""
        end = interval.from_at if interval.to_at is None else interval.to_at
        if interval.kind is Kind.WORK:
            self.work[interval.payer] += interval.seconds(end)
        else:
            self.carried[interval.payer] += interval.micros(end, since=since)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` (0 or more) in whole parts by weight, each within one of its due and adding up to it; all 0 where no weight is."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda n: (-(total * weights[n] % whole), n))
    for n in rest[: total - sum(parts)]:
        parts[n] += 1
    return parts


def share_out(tally: Tally, room: Callable[[str], int | None]) -> list[Share]:
    """The transfers at the end of a wake, adding up to zero. `room`: how much more a team may be given (None: any amount)."""
    served = {payer: round(seconds * _FINE) for payer, seconds in tally.work.items()}
    if not sum(served.values()):
        return []
    due = dict(zip(served, apportion(sum(tally.carried.values()), list(served.values())), strict=True))
    takes = _nets(due, tally.carried, room)
    moved: defaultdict[Payer | None, int] = defaultdict(int)
    for team in {_team(payer) for payer in (*due, *tally.carried)}:
        carried = {payer: amount for payer, amount in tally.carried.items() if _team(payer) == team}
        mine = {payer: served[payer] for payer in due if _team(payer) == team}
        owed = sum(due[payer] for payer in mine)
        final = sum(carried.values()) + takes[team]
        paid = apportion(min(final, owed), list(mine.values()))
        kept = apportion(final - sum(paid), list(carried.values()))
        for payer, amount in (*zip(mine, paid, strict=True), *zip(carried, kept, strict=True)):
            moved[payer] += amount
        for payer, amount in carried.items():
            moved[payer] -= amount
    return [Share(payer, micros) for payer, micros in moved.items() if micros]


def _nets(
    due: dict[Payer | None, int], carried: dict[Payer | None, int], room: Callable[[str], int | None]
) -> dict[str | None, int]:
    """By team, what it takes over from others (above zero) or is relieved of; adds up to zero."""
    wanted: defaultdict[str | None, int] = defaultdict(int)
    for payer, amount in due.items():
        wanted[_team(payer)] += amount
    for payer, amount in carried.items():
        wanted[_team(payer)] -= amount
    nets = {team: _within(net, room(team) if team is not None else None) for team, net in wanted.items() if net >= 0}
    givers = {team: -net for team, net in wanted.items() if net < 0}
    given = apportion(sum(nets.values()), list(givers.values()))
    return nets | {team: -amount for team, amount in zip(givers, given, strict=True)}


def _within(net: int, room: int | None) -> int:
    return net if room is None else min(net, max(0, room))


def _team(payer: Payer | None) -> str | None:
    return payer.team_id if payer else None
