"""What is tried when AWS has no machine of a kind free. Pure: the same question gets the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Means(StrEnum):
    """How a step gets a machine: the same one as it is, the same one as another type, or a new one."""

    AGAIN = "again"
    OTHER_TYPE = "other_type"
    NEW_MACHINE = "new_machine"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an admin allows, in the file that `aws_capacity_file` names (docs/aws.md).

    `tries`: how often the same machine is asked for, `pause` seconds apart. `types`: other types, the best first; they must
    run the same image and have GPUs that the work fits. `create`: whether new machines may be made; then in `zones` (the best
    first; only where a snapshot of the disk is young enough), never more than `most_machines` in the pool, and with
    `on_demand` also at the full price when no spot machine is to be had. `snapshot_days`: how old that snapshot may be
    (copies.py makes a new one at half that age).
    `disk_mib_per_second` and `first_gib`: how fast a disk made from a snapshot fills when it is first read, and how much of
    it the first picture reads. 100 MiB/s is the least that AWS lets one pay for to have a disk filled; unpaid it may be less.
    """

    tries: int = 3
    pause: float = 5.0
    types: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    create: bool = False
    on_demand: bool = False
    most_machines: int = 4
    snapshot_days: float = 14.0
    disk_mib_per_second: float = 100.0
    first_gib: float = 8.0

    @property
    def hydration_seconds(self) -> float:
        """How much longer the first picture takes on a disk that was just made from a snapshot."""
        return self.first_gib * 1024 / self.disk_mib_per_second


@dataclass(frozen=True, slots=True)
class Step:
    """One try: `means` with a machine of this kind, after `pause` seconds. `extra`: seconds that the first picture then takes
    longer."""

    means: Means
    instance_type: str
    zone: str
    spot: bool
    pause: float = 0.0
    extra: float = 0.0

    @property
    def kind(self) -> Kind:
        """What is asked of AWS."""
        return Kind(self.instance_type, self.zone, self.spot)


@dataclass(frozen=True, slots=True)
class Kind:
    """What AWS counts as one kind of machine, of which some or none are free."""

    instance_type: str
    zone: str
    spot: bool

    def __str__(self) -> str:
        return f"{self.instance_type} in {self.zone}" + (" (spot)" if self.spot else "")


@dataclass(frozen=True, slots=True)
class Situation:
    """The machine that is wanted. `fixed`: it cannot be started now whatever is free (AWS has interrupted it, or it does not
    stop). `machines`: how many the pool has; `others`: their kinds, each of which is woken by itself and not made twice.
    `spare`: one of them sleeps and was not found taken lately, so it is woken rather than a new one made. `copy`: whether a
    young enough snapshot is there for a new machine's disk."""

    kind: Kind
    fixed: bool = False
    machines: int = 1
    others: frozenset[Kind] = frozenset()
    spare: bool = False
    copy: bool = False


def next_step(plan: Plan, tried: Sequence[Step], machine: Situation) -> Step | None:
    """What to try after all of `tried` found no machine free; None at the end of the plan.

    A machine's own type is tried `tries` times, everything else once. A spot machine never changes its type.
    """
    spent = Counter((step.means, step.kind) for step in tried)
    for step in _route(plan, machine):
        if spent[step.means, step.kind] <= 0:
            return step
        spent[step.means, step.kind] -= 1
    return None


def _route(plan: Plan, machine: Situation) -> Iterator[Step]:
    kind = machine.kind
    if not machine.fixed:
        for number in range(max(1, plan.tries)):
            yield Step(Means.AGAIN, kind.instance_type, kind.zone, kind.spot, plan.pause if number else 0.0)
        if not kind.spot:
            for other in _unique(plan.types, but=kind.instance_type):
                yield Step(Means.OTHER_TYPE, other, kind.zone, False)
    if plan.create and machine.copy and not machine.spare and machine.machines < plan.most_machines:
        yield from _new_machines(plan, machine)


def _new_machines(plan: Plan, machine: Situation) -> Iterator[Step]:
    """Spot where the machine is spot, then (if allowed) at the full price; the own zone first, where its own disk lies."""
    kind = machine.kind
    types = (kind.instance_type, *_unique(plan.types, but=kind.instance_type))
    zones = (kind.zone, *_unique(plan.zones, but=kind.zone))
    for spot in (True, False) if kind.spot and plan.on_demand else (kind.spot,):
        for zone in zones:
            for instance_type in types:
                new = Kind(instance_type, zone, spot)
                if new not in machine.others and not _tried_in_place(machine, new):
                    yield Step(Means.NEW_MACHINE, *_parts(new), extra=plan.hydration_seconds)


def _tried_in_place(machine: Situation, new: Kind) -> bool:
    """Whether the machine itself was tried as that kind already."""
    if machine.fixed:
        return False
    return new == machine.kind or (not machine.kind.spot and new.zone == machine.kind.zone)


def _parts(kind: Kind) -> tuple[str, str, bool]:
    return kind.instance_type, kind.zone, kind.spot


def _unique(names: Sequence[str], *, but: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name != but))
