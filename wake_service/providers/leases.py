"""What a cloud itself says of its machines and of how long they may run: the ground that the reaper stands on.

A provider whose machines cost money while nobody looks implements Leased besides Provider. None of it needs the service's
database: a reaper that is all that is left can work with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wake_service.providers.base import Power


@dataclass(frozen=True, slots=True)
class Holding:
    """One machine in the cloud's own list. Moments in epoch seconds; None where the cloud has no such tag, or none that can
    be read. `launched_at` is the newest start."""

    machine_id: str
    pool: str
    power: Power
    launched_at: float
    lease_until: float | None
    hold_until: float | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every machine of this deployment, at one moment of the cloud's own clock (`at`, from its answer)."""

    at: float
    machines: tuple[Holding, ...]


class Probe(StrEnum):
    """What a look behind a machine's guard found."""

    WORKING = "working"
    EMPTY = "empty"
    SILENT = "silent"


class Leased(Protocol):
    """Machines that carry their lease as tags. Every call has a deadline and raises ProviderError."""

    name: str

    async def inventory(self) -> Inventory:
        """All machines as the cloud lists them now, with their tags and the time of its answer."""

    async def renew(self, machine_id: str, *, lease_until: float, hold_until: float | None) -> None:
        """Writes the machine's tags `lease-until` and `hold-until` (removed with None)."""

    async def probe(self, machine_id: str) -> Probe:
        """Looks behind the guard whether anybody's work is there; silence is an answer too. Raises nothing."""

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        """As Provider.stop."""
