"""What the agent knows of its machine now, and the report that says it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from .wire import Agent, Disk, Engine, EngineState, Gpu, Happening, Kept, Models, Notice, Queue, Report, Stage

#: Happenings that a report carries at most: the newest.
REPORTED_HAPPENINGS = 20
#: Models that are told as hot at most: the ones read last.
MOST_HOT = 100
WORK = "The engine has work."
HOLD = "Somebody keeps the machine awake."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the idle monitor said last: when it will stop the machine, or why not."""

    sleeps_at: float | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that goes into a report, but the time."""

    machine: str
    boot: str
    stage: Stage = Stage.BOOTING
    engine: Engine = field(default_factory=Engine)
    queue: Queue = field(default_factory=Queue)
    gpus: tuple[Gpu, ...] = ()
    models: Models = field(default_factory=Models)
    disk: Disk | None = None
    draining: bool = False
    hold_until: float | None = None
    notice: Notice | None = None
    kept: tuple[Kept, ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    happened: tuple[Happening, ...] = ()

    @property
    def working(self) -> bool:
        """Whether the engine has a prompt that runs or waits."""
        return self.queue.running + self.queue.pending > 0


class State:
    """The one place that holds the facts. `now` tells the time. To be used from the event loop only.

    `note` is given the happenings at every new one, so that their numbers go on when the agent is started anew.
    """

    def __init__(
        self, facts: Facts, now: Callable[[], float], note: Callable[[tuple[Happening, ...]], None] = lambda _: None
    ) -> None:
        self._facts = facts
        self._now = now
        self._note = note
        #: Set when something has changed that everybody should hear of at once.
        self.changed = asyncio.Event()

    @property
    def facts(self) -> Facts:
        """As they are now. Assign a replaced one to change them."""
        return self._facts

    @facts.setter
    def facts(self, news: Facts) -> None:
        before, self._facts = self._facts, news
        if _loud(before) != _loud(news):
            self.changed.set()

    def say(self, sentence: str) -> None:
        """Something happened that a person may want to read later."""
        before = self.facts.happened
        happening = Happening(before[-1].number + 1 if before else 1, self._now(), sentence)
        self.facts = replace(self.facts, happened=(*before, happening)[-REPORTED_HAPPENINGS:])
        self._note(self.facts.happened)

    def heat(self, names: Iterable[str]) -> None:
        """These models were read a moment ago, so they are fast to read again."""
        hot = dict.fromkeys(self.facts.models.hot)
        for name in names:
            hot.pop(name, None)
            hot[name] = None
        self.facts = replace(self.facts, models=replace(self.facts.models, hot=tuple(hot)[-MOST_HOT:]))


def report(facts: Facts, at: float, version: str) -> Report:
    """What the machine says of itself at that moment."""
    because = awake_because(facts, at)
    return Report(
        agent=Agent(version),
        machine=facts.machine,
        boot=facts.boot,
        at=at,
        stage=facts.stage,
        engine=facts.engine,
        queue=facts.queue,
        gpus=facts.gpus,
        models=facts.models,
        disk=facts.disk,
        draining=facts.draining,
        hold_until=facts.hold_until,
        notice=facts.notice,
        kept=facts.kept,
        sleeps_at=None if because else facts.verdict.sleeps_at,
        awake_because=because,
        happened=facts.happened,
    )


def awake_because(facts: Facts, at: float) -> tuple[str, ...]:
    """What keeps the machine awake: what we see ourselves is newer than the idle monitor's last look."""
    reasons = []
    if facts.working:
        reasons.append(WORK)
    if facts.hold_until is not None and facts.hold_until > at:
        reasons.append(HOLD)
    return tuple(dict.fromkeys((*reasons, *facts.verdict.because)))


def answers(engine: Engine) -> bool:
    """Whether it does."""
    return engine.state in (EngineState.READY, EngineState.WORKING)


def _loud(facts: Facts) -> Facts:
    """Without what flickers: load and free bytes are told with the next report, and make none by themselves."""
    gpus = tuple(replace(gpu, busy_percent=0.0, window_seconds=0.0, vram_used=0) for gpu in facts.gpus)
    disk = None if facts.disk is None else Disk(0, facts.disk.total)
    return replace(facts, gpus=gpus, disk=disk)
