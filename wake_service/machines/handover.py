"""Makes a machine ready for another artist: everything on it is safe here, then it is wiped and its engine started anew."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from wake_service.clock import Clock
from wake_service.errors import ProviderError, StorageError
from wake_service.machines import model
from wake_service.machines.fleet import Fleet
from wake_service.machines.lookout import ASK_IN_TRANSITION, Lookout
from wake_service.machines.model import IllegalOrder, Machine, MachineState
from wake_service.machines.workload import Workload
from wake_service.providers.base import Provider

log = logging.getLogger(__name__)


class HandOvers:
    """Carries out hand-overs; `poke` says that a plan may have to change, `works` whether an engine has prompts of others."""

    def __init__(
        self,
        fleet: Fleet,
        providers: Mapping[str, Provider],
        workload: Workload,
        lookout: Lookout,
        clock: Clock,
        poke: Callable[[], None],
        works: Callable[[Machine], Awaitable[bool]],
    ) -> None:
        self._fleet = fleet
        self._providers = providers
        self._workload = workload
        self._lookout = lookout
        self._clock = clock
        self._poke = poke
        self._works = works

    async def run(self, machine_id: str) -> None:
        """Wipes a machine, if it rests.

        One that could not be wiped goes on as whose it is: nobody else gets it. A crash on the way leaves it hers, too.
        """
        wiped = False
        self._lookout.ends_engine(machine_id)
        try:
            machine = self._fleet.get(machine_id)
            waking = model.handing_over(machine, self._clock.now())
            await self._fleet.apply(machine, waking, self._workload.payer(machine.pool))
            await self._workload.vacate(machine_id)
            wiped = await self._wipe(machine_id)
        except (StorageError, IllegalOrder) as error:
            log.error("machine %s cannot be wiped for another artist: %s", machine_id, error)
        await self._tell(machine_id, wiped)
        self._lookout.begins_anew(machine_id)
        await self._lookout.ask()
        self._poke()

    async def _wipe(self, machine_id: str) -> bool:
        machine = self._fleet.get(machine_id)
        if machine.state is not MachineState.WAKING:
            return False  # it stopped meanwhile
        if await self._works(machine):
            log.warning("machine %s has work that is none of ours, so it is not wiped yet", machine_id)
            return False
        try:
            await self._providers[machine.provider].hand_over(machine_id)
        except ProviderError as error:
            log.error("machine %s could not be wiped for another artist, who waits for it: %s", machine_id, error)
            return False
        return True

    async def _tell(self, machine_id: str, wiped: bool) -> None:
        """Repeated until it is stored: a machine that is not known to be wiped is wiped again, and nobody works meanwhile."""
        while True:
            try:
                return await self._workload.handed_over(machine_id, wiped=wiped)
            except StorageError as error:
                log.error("machine %s was wiped, which could not be stored: %s", machine_id, error)
                await self._clock.sleep(ASK_IN_TRANSITION)
