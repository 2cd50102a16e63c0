"""How long a wake takes, learned from earlier wakes of machines of the same kind."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from wake_service.machines.model import STAGES, Machine, MachineState, WakeStage

#: Shares of a wake by stage until wakes were measured: a stopped GPU instance spends most of its wake booting.
_SHARES = {WakeStage.REQUESTED: 0.05, WakeStage.STARTING: 0.25, WakeStage.BOOTING: 0.55, WakeStage.ENGINE: 0.15}
#: Wakes remembered of each kind of machine; older ones say little about today's image.
KEEP = 50
#: So many wakes of a kind of machine say more than many of others.
_ENOUGH = 3
#: What artists are told is reached by three wakes in four: a countdown from the median would be too short every second time, and
#: a wait that grows is worse than one that ends early (UX: it never jumps back).
USUAL = 0.75
#: Longer than nine in ten is "longer than usual": said once in ten wakes that are well, and soon in one that is not.
SLOW = 0.9
#: Until that many wakes were measured, a ninth in ten is a guess: this much longer than usual, and at least so many seconds.
_MEASURED = 10
_SLOW_FACTOR, _SLOW_SECONDS = 1.5, 10.0

#: What wakes are compared by, the narrowest first: type and zone, type, pool, all.
_Scope = tuple[str | None, ...]


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed; one of them, so that one odd value stays one."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class WakeEstimate:
    """Seconds per stage and per wake, by type and zone of the machine; what is too rarely seen falls back to the type, then to
    the pool, then to all. `start_value` seconds in all until there are any.
    """

    def __init__(self, start_value: float) -> None:
        self._start_value = start_value
        self._stages: dict[tuple[_Scope, WakeStage], deque[float]] = defaultdict(lambda: deque(maxlen=KEEP))
        self._wakes: dict[_Scope, deque[float]] = defaultdict(lambda: deque(maxlen=KEEP))

    def learn(self, stage: WakeStage, seconds: float, machine: Machine | None = None) -> None:
        """One wake spent `seconds` in `stage`."""
        for scope in _scopes(machine):
            self._stages[scope, stage].append(max(0.0, seconds))

    def learn_wake(self, seconds: float, machine: Machine | None = None) -> None:
        """One wake took `seconds` from the order until the engine answered."""
        for scope in _scopes(machine):
            self._wakes[scope].append(max(0.0, seconds))

    def stage_seconds(self, stage: WakeStage, machine: Machine | None = None) -> float:
        """What `stage` usually takes on such a machine; without one, on any."""
        seen = _narrowest([self._stages.get((scope, stage), ()) for scope in _scopes(machine)])
        return quantile(seen, USUAL) if seen else self._start_value * _SHARES[stage]

    def wake_seconds(self, machine: Machine | None = None) -> float:
        """What a whole wake from sleep usually takes: no less than what the stages of a wake under way add up to."""
        return sum(self.stage_seconds(stage, machine) for stage in STAGES)

    def slow_after(self, machine: Machine | None = None) -> float:
        """A wake under way for longer than this takes longer than usual (seconds since the order)."""
        usual = self.wake_seconds(machine)
        seen = _narrowest([self._wakes.get(scope, ()) for scope in _scopes(machine)], enough=_MEASURED)
        if len(seen) < _MEASURED:
            return max(usual * _SLOW_FACTOR, usual + _SLOW_SECONDS)
        return max(quantile(seen, SLOW), usual + _SLOW_SECONDS)

    def remaining(self, machine: Machine, stage_since: float, now: float) -> float | None:
        """Seconds until a waking machine is ready; never below what the following stages usually take. None if not waking."""
        if machine.state is not MachineState.WAKING or machine.stage is None:
            return None
        following = STAGES[STAGES.index(machine.stage) + 1 :]
        left = max(0.0, self.stage_seconds(machine.stage, machine) - (now - stage_since))
        return left + sum(self.stage_seconds(stage, machine) for stage in following)


def _scopes(machine: Machine | None) -> list[_Scope]:
    if machine is None:
        return [()]
    kind = machine.instance_type
    typed: list[_Scope] = [("type", kind, machine.zone), ("type", kind)] if kind else []
    return [*typed, ("pool", machine.pool), ()]


def _narrowest(seen: Sequence[Sequence[float]], enough: int = _ENOUGH) -> Sequence[float]:
    """The first that was seen often enough; else the last, which is of all."""
    return next((values for values in seen if len(values) >= enough), seen[-1])
