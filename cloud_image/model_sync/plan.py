"""Which models come to a disk that does not hold all of them, in which order, and which go for them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remote:
    """A model at the source, `size` in bytes. `version` changes with its content: its checksum, or where nobody wrote that
    down (`sha256` is empty) the source's own mark of it. `etag`: the source's mark of these very bytes."""

    name: str
    size: int
    version: str
    added_at: float = 0.0
    sha256: str = ""
    etag: str = ""
    license: str = ""
    commercial: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """A model on the disk. `ours`: a sync brought it, so it may go; what somebody else put there stays as it is."""

    name: str
    size: int
    version: str
    used_at: float
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring this model, under its name once it is whole."""

    remote: Remote


@dataclass(frozen=True, slots=True)
class Evict:
    """Take this model off the disk. `removed`: the source has it no more; else it goes for want of room."""

    name: str
    size: int
    removed: bool = False


Action = Fetch | Evict


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order; the names for which there is no room; wanted names that the source lacks."""

    actions: tuple[Action, ...] = ()
    left_out: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def fetches(self) -> list[Remote]:
        """The models that come."""
        return [action.remote for action in self.actions if isinstance(action, Fetch)]


def plan(
    remote: Sequence[Remote],
    local: Sequence[Local],
    free: int,
    in_use: Collection[str] = (),
    wanted: Sequence[str] = (),
    arrived: Mapping[str, int] | None = None,
) -> Plan:
    """Wanted models first, then those that have changed, then the newest.

    `free`: bytes that may still be filled, below zero when others have taken what should stay free; `arrived`: bytes of models
    on their way that are on the disk already, and take no more room. What the source has no
    more goes. For want of room only the least recently used go, and only for wanted models (or to get back to zero): a model
    that nobody asked for pushes out none. Never one in use, wanted, or not brought by a sync.
    """
    room = _Room(free, local, frozenset(in_use) | frozenset(wanted))
    there = {model.name: model for model in remote}
    in_use = frozenset(in_use)
    for here in sorted(local, key=lambda model: model.name):
        if here.ours and here.name not in there and here.name not in in_use:
            room.take_out(here, removed=True)
    room.make(0)
    left_out: list[str] = []
    for model in _in_order(there, room.here, wanted):
        old = room.here.get(model.name)
        if old is not None and (not old.ours or old.version == model.version):
            continue
        need = model.size - (arrived or {}).get(model.name, 0)
        if need <= room.free or (model.name in wanted and room.make(need)):
            room.bring(model, need)
        else:
            left_out.append(model.name)
    unknown = tuple(dict.fromkeys(name for name in wanted if name not in there and name not in room.here))
    return Plan(tuple(room.actions), tuple(left_out), unknown)


def _in_order(there: Mapping[str, Remote], here: Mapping[str, Local], wanted: Sequence[str]) -> list[Remote]:
    first = [there[name] for name in dict.fromkeys(wanted) if name in there]
    rest = [model for name, model in there.items() if name not in wanted]
    return first + sorted(rest, key=lambda model: (model.name not in here, -model.added_at, model.name))


class _Room:
    """The disk as it will be once the actions so far are done."""

    def __init__(self, free: int, local: Sequence[Local], keep: frozenset[str]) -> None:
        self.free = free
        self.here = {model.name: model for model in local}
        self.actions: list[Action] = []
        self._keep = keep

    def make(self, size: int) -> bool:
        """Takes out the least recently used until so much is free; takes out none when that would not do."""
        candidates = [model for model in self.here.values() if model.ours and model.name not in self._keep]
        going: list[Local] = []
        gained = 0
        for model in sorted(candidates, key=lambda model: (model.used_at, model.name)):
            if self.free + gained >= size:
                break
            going.append(model)
            gained += model.size
        enough = self.free + gained >= size
        if enough or size == 0:
            for model in going:
                self.take_out(model)
        return enough

    def take_out(self, model: Local, *, removed: bool = False) -> None:
        self.actions.append(Evict(model.name, model.size, removed))
        self.free += model.size
        del self.here[model.name]

    def bring(self, model: Remote, need: int) -> None:
        """The room of an old version counts only when the new one is whole: the next plan has it."""
        self.actions.append(Fetch(model))
        self.free -= need
        self.here[model.name] = Local(model.name, model.size, model.version, float("inf"))
        self._keep |= {model.name}
