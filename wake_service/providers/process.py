"""Machines that are processes on this computer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from wake_service.clock import Clock
from wake_service.errors import ProviderError, SetupError
from wake_service.providers.announcements import Announcements
from wake_service.providers.base import Door, Kept, Sighting
from wake_service.providers.engine_command import EngineCommand
from wake_service.providers.machine_folder import ALIVE, Limits, MachineFolder
from wake_service.providers.process_machine import ProcessMachine

_MACHINE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ProcessProvider:
    """Starts, adopts and stops engines on this computer; each machine has a folder in `directory`, named by its id.

    A machine outlives the service: its launcher (process_launcher.py) owns the engine and announces what happens to it. Machines
    that are no longer configured are listed and can be stopped as long as they run. `grace`: seconds from SIGTERM to SIGKILL;
    `lonely`: seconds after which a machine that no service is connected to stops by itself, so that none stays awake for ever;
    `log_bytes`: the most that each of a machine's two log files holds.
    """

    def __init__(
        self,
        directory: Path,
        machines: Mapping[str, EngineCommand],
        clock: Clock,
        *,
        name: str = "process",
        grace: float = 10.0,
        lonely: float = 3600.0,
        log_bytes: int = 5_000_000,
    ) -> None:
        for machine_id in machines:
            if not _MACHINE_ID.fullmatch(machine_id):
                raise SetupError(
                    f'"{machine_id}" cannot name a machine: up to 64 letters, digits, dots, dashes and underscores can.'
                )
        self.name = name
        self._directory = directory
        self._commands = dict(machines)
        self._clock = clock
        self._limits = Limits(grace, lonely, log_bytes)
        self._announcements = Announcements()
        self._machines: dict[str, ProcessMachine] = {}
        for machine_id in machines:
            self._add(machine_id)

    async def machines(self) -> list[Sighting]:
        for path in self._directory.iterdir() if self._directory.is_dir() else ():
            if path.name not in self._machines and _MACHINE_ID.fullmatch(path.name) and MachineFolder(path).held(ALIVE):
                self._add(path.name)
        sightings = await asyncio.gather(*(machine.look() for machine in self._machines.values()))
        return list(sightings)

    async def start(self, machine_id: str) -> None:
        machine = self._find(machine_id)
        if machine_id not in self._commands:
            raise ProviderError(f'Machine "{machine_id}" is not configured any more; it can only be stopped.')
        await machine.start(self._commands[machine_id], self._limits)

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        await self._find(machine_id).stop(force=force)

    async def door(self, machine_id: str) -> Door:
        sighting = await self._find(machine_id).look()
        if sighting.address is None:
            raise ProviderError(f'The engine of machine "{machine_id}" is not up.')
        return Door(sighting.address)

    async def drain(self, machine_id: str, draining: bool) -> None:
        """Nothing: these engines have no guard in front of them."""

    async def hand_over(self, machine_id: str) -> None:
        await self._find(machine_id).hand_over()

    async def prefetch(self, machine_id: str, models: Sequence[str]) -> None:
        """Nothing: their models lie on this computer's disk already."""

    async def deliver(self, machine_id: str, name: str, data: bytes) -> str | None:
        """None: on this computer an upload to the engine takes no time worth saving."""
        return None

    async def kept(self, machine_id: str, prompt_id: str) -> Kept | None:
        """None: these engines have no agent beside them that would keep anything."""
        return None

    async def acknowledge(self, machine_id: str, prompt_ids: Sequence[str]) -> None:
        """Nothing: nothing is kept."""

    def watch(self) -> AsyncIterator[Sighting]:
        return self._announcements.watch()

    async def close(self) -> None:
        for machine in self._machines.values():
            await machine.close()
        self._announcements.close()

    def _add(self, machine_id: str) -> None:
        folder = MachineFolder(self._directory / machine_id)
        self._machines[machine_id] = ProcessMachine(machine_id, folder, self._clock, self._announcements.say)

    def _find(self, machine_id: str) -> ProcessMachine:
        try:
            return self._machines[machine_id]
        except KeyError:
            raise ProviderError(f'There is no machine "{machine_id}" on this computer.') from None
