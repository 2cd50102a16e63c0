"""How long a wake takes, learned from earlier wakes."""

from __future__ import annotations

from collections import deque
from statistics import median

from wake_service.machines.model import STAGES, Machine, MachineState, WakeStage

#: Shares of a wake by stage until wakes were measured: a stopped GPU instance spends most of its wake booting.
_SHARES = {WakeStage.REQUESTED: 0.05, WakeStage.STARTING: 0.25, WakeStage.BOOTING: 0.55, WakeStage.ENGINE: 0.15}
#: Wakes remembered; older ones say little about today's image.
_KEEP = 20


class WakeEstimate:
    """Median seconds per stage over the last wakes of a pool; `start_value` seconds in all until there are any."""

    def __init__(self, start_value: float) -> None:
        self._start_value = start_value
        self._stages: dict[WakeStage, deque[float]] = {stage: deque(maxlen=_KEEP) for stage in STAGES}

    def learn(self, stage: WakeStage, seconds: float) -> None:
        """One wake spent `seconds` in `stage`."""
        self._stages[stage].append(seconds)

    def stage_seconds(self, stage: WakeStage) -> float:
        """What `stage` usually takes."""
        seen = self._stages[stage]
        return median(seen) if seen else self._start_value * _SHARES[stage]

    def wake_seconds(self) -> float:
        """What a whole wake from sleep usually takes."""
        return sum(map(self.stage_seconds, STAGES))

    def remaining(self, machine: Machine, stage_since: float, now: float) -> float | None:
        """Seconds until a waking machine is ready; never below what the following stages usually take. None if not waking."""
        if machine.state is not MachineState.WAKING or machine.stage is None:
            return None
        following = STAGES[STAGES.index(machine.stage) + 1 :]
        return max(0.0, self.stage_seconds(machine.stage) - (now - stage_since)) + sum(map(self.stage_seconds, following))
