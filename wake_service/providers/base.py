"""How machines of one kind are listed, started and stopped.

A provider carries out orders and says what it sees; it decides nothing. The same contract suite
(tests/contract/providers) runs against the in-memory fake and every real one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Power(StrEnum):
    """What the cloud says of a machine; the service's own words for it are in machines/model.py."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    TERMINATED = "terminated"


class BootStage(StrEnum):
    """How far a starting machine has come. `engine`: the engine answers at `Sighting.address`."""

    STARTING = "starting"
    BOOTING = "booting"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a provider saw of one machine at one moment.

    `address` is the engine's base URL (no trailing slash), known at the latest with stage `engine`.
    `boot` counts the machine's starts, so that a sighting of an earlier life is told apart.
    `message` is a sentence when something went wrong ("The engine ended by itself (signal 9).").
    """

    machine_id: str
    power: Power
    at: float
    stage: BootStage | None = None
    address: str | None = None
    boot: str | None = None
    message: str | None = None


class Provider(Protocol):
    """Machines of one kind. Every call has a deadline of its own and raises ProviderError, NoCapacity or ProviderTimeout."""

    name: str

    async def machines(self) -> list[Sighting]:
        """All machines of this provider as they are now, in any power state. Adopts what an earlier service left running."""

    async def start(self, machine_id: str) -> None:
        """Asks for a start; safe to repeat: a machine that starts or runs is left alone. Returns once the order is accepted.

        A machine that is still stopping cannot be started yet (ProviderError); its next sighting says when it can.
        """

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        """Asks for a stop, keeping the disk; safe to repeat. `force` does not wait for the engine to end in order."""

    def watch(self) -> AsyncIterator[Sighting]:
        """Everything machines announce from this call on, as it happens; ends when the provider is closed.

        One watcher at a time: a second call ends the first. Machines that an earlier service left running are heard once
        `machines()`, `start` or `stop` has adopted them.
        """

    async def close(self) -> None:
        """Lets go of connections. Machines keep running."""
