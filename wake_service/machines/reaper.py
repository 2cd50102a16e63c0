"""Stops machines that nobody needs, whatever else has failed: it believes the cloud's list, tags and clock, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import TypeVar

from wake_service.clock import Clock, within
from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.machines.verdicts import (
    Deed,
    Reading,
    ReaperPolicy,
    Verdict,
    Watched,
    pause,
    remember,
    suspects,
    verdicts,
)
from wake_service.providers.leases import Leased, Probe

log = logging.getLogger(__name__)
T = TypeVar("T")

#: How long one question to the cloud or a guard may take, in seconds; more than the deadlines that these calls have of their
#: own (a throttled call is repeated for a minute), so that it counts only when one of them is broken.
CALL_SECONDS = 120.0
KEPT_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What the reaper did or could not do, as a sentence; `at` by our own clock. `alarm` asks for a person to look."""

    at: float
    machine_id: str | None
    sentence: str
    alarm: bool = False


class Reaper:
    """One per provider. It needs no database and no service: `once` is all that a cron job calls.

    `findings` are the last things it did, oldest first; what is said again and again is there once. `blind`: the last reading
    failed, or could not be believed.
    """

    def __init__(self, leased: Leased, clock: Clock, policy: ReaperPolicy | None = None) -> None:
        self._leased = leased
        self._clock = clock
        self._policy = policy or ReaperPolicy()
        self._memory: dict[str, Watched] = {}
        self._said: dict[str | None, set[str]] = {}
        self._told: set[str] = set()
        self._last: Reading | None = None
        self.blind = False
        self.findings: deque[Finding] = deque(maxlen=KEPT_FINDINGS)

    async def run(self) -> None:
        """Reads, and reaps, for ever."""
        while True:
            try:
                await self.once()
            except Exception as error:
                # What it guards against includes mistakes of our own: it goes on whatever happens.
                log.exception("The reaper met an error of its own")
                self._say(None, f"The reaper met an error of its own ({error}). It goes on.", alarm=True)
            await self._clock.sleep(self.pause)

    @property
    def pause(self) -> float:
        """Seconds until the next reading is due."""
        return self._policy.period if self._last is None else pause(self._memory, self._last, self._policy)

    async def once(self) -> list[Verdict]:
        """One reading, and what follows from it and the one before; gives what was decided."""
        self.blind = True
        try:
            reading = await self._read()
        except ProviderError as error:
            self._say(None, f"The list of machines could not be read, so none was reaped: {error}")
            return []
        self._last = reading
        self._memory = remember(self._memory, reading, self._policy)
        self._take_leave()
        if abs(reading.skew) > self._policy.max_skew:
            self._say(None, _skewed(self._leased.name, reading.skew), alarm=True)
            return []
        self.blind = False
        self._said.pop(None, None)
        asked = suspects(self._memory, reading, self._policy)
        probes = dict(zip(asked, await asyncio.gather(*map(self._probe, asked)), strict=True))
        decided = verdicts(self._memory, reading, probes, self._policy)
        await asyncio.gather(*(self._carry_out(verdict, reading.inventory.at) for verdict in decided))
        return decided

    async def _read(self) -> Reading:
        asked_at = self._clock.now()
        inventory = await self._within(self._leased.inventory(), "list the machines")
        return Reading(asked_at, self._clock.now(), inventory)

    async def _probe(self, machine_id: str) -> Probe:
        try:
            return await self._within(self._leased.probe(machine_id), "look behind a guard")
        except ProviderTimeout:
            return Probe.SILENT

    async def _carry_out(self, verdict: Verdict, at: float) -> None:
        machine_id = verdict.machine_id
        try:
            match verdict.deed:
                case Deed.STOP | Deed.FORCE:
                    force = verdict.deed is Deed.FORCE
                    await self._within(self._leased.stop(machine_id, force=force), "stop a machine")
                    self._note_ending(machine_id, at, force)
                case Deed.RENEW:
                    renewal = self._leased.renew(machine_id, lease_until=verdict.lease_until, hold_until=verdict.hold_until)
                    await self._within(renewal, "renew a lease")
                    self._memory[machine_id] = replace(self._memory[machine_id], due_since=None)
        except ProviderError as error:
            sentence = f"Machine {machine_id} runs unneeded, and could not be told to stop: {error}"
            if verdict.deed is Deed.RENEW:
                sentence = f"The lease of machine {machine_id}, which works, could not be renewed: {error}"
            self._say(machine_id, sentence, alarm=True)
        else:
            self._say(machine_id, verdict.why, alarm=verdict.alarm)

    def _note_ending(self, machine_id: str, at: float, force: bool) -> None:
        watched = self._memory[machine_id]
        ending_since = at if watched.ending_since is None else watched.ending_since
        self._memory[machine_id] = replace(watched, ending_since=ending_since, forced_at=at if force else watched.forced_at)
        self._told.add(machine_id)

    def _take_leave(self) -> None:
        """Says that what was told to stop has stopped. What was said of a machine may be said again in its next life."""
        for machine_id in self._told - self._memory.keys():
            self._say(machine_id, f"Machine {machine_id} has stopped.")
        self._told &= self._memory.keys()
        self._said = {key: said for key, said in self._said.items() if key is None or key in self._memory}

    def _say(self, machine_id: str | None, sentence: str, *, alarm: bool = False) -> None:
        said = self._said.setdefault(machine_id, set())
        if sentence in said:
            return
        if len(said) >= KEPT_FINDINGS:
            said.clear()
        said.add(sentence)
        self.findings.append(Finding(self._clock.now(), machine_id, sentence, alarm))
        log.log(logging.WARNING if alarm else logging.INFO, "%s", sentence)

    async def _within(self, work: Awaitable[T], what: str) -> T:
        """The work's result, by the clock that was handed in. Raises ProviderTimeout."""
        try:
            return await within(self._clock, CALL_SECONDS, work)
        except TimeoutError as error:
            raise ProviderTimeout(f"Nobody answered in {CALL_SECONDS:g} s when asked to {what}.") from error


def _skewed(cloud: str, skew: float) -> str:
    side = "behind" if skew > 0 else "ahead of"
    return (
        f"The clock of this computer is more than a minute {side} the cloud's ({cloud}). Until it is set right, no machine is"
        " stopped from here; the cloud's own alarms and the machines themselves still do."
    )
