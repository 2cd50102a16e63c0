"""What machines are for, as the machines' side sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wake_service.comfy.client import EngineClient
from wake_service.machines.autoscaler import Demand
from wake_service.machines.ledger import Payer
from wake_service.machines.model import Machine
from wake_service.providers.base import Provider


class Workload(Protocol):
    """What the machines are for; the jobs side implements it (app.py joins the two)."""

    def demand(self, pool: str) -> Demand:
        """What artists want of a pool now."""

    def payer(self, pool: str) -> Payer | None:
        """For whom a machine would be woken."""

    def work(self, machine_id: str) -> int:
        """How many jobs a machine holds."""

    async def prepare(self, machine: Machine, provider: Provider) -> None:
        """The machine boots: what it will need first can be given to it already."""

    async def attach(self, machine: Machine, client: EngineClient) -> None:
        """The machine is ready: give it work. The client belongs to the workload from now on."""

    async def detach(self, machine_id: str, lost: str | None, *, blame: bool = True, memory: bool = False) -> None:
        """The machine takes no more work; `lost` says why when it still had some.

        With `blame`, what it was working on may have been the cause, and counts an attempt; `memory`: it was, it needs too much.
        """

    async def vacate(self, machine_id: str) -> None:
        """The machine is about to be wiped: it takes no more work, and nothing on it is wanted any more when this returns."""

    async def handed_over(self, machine_id: str, *, wiped: bool) -> None:
        """The machine was wiped, or could not be. Durable when this returns; raises StorageError when it cannot be."""

    def kept(self, machine: Machine, provider: Provider, prompt_ids: tuple[str, ...]) -> None:
        """These results lie on the machine, all that do; said again at every change. Called before `attach`."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: how long a machine stays awake after work; how long an engine may take to answer its first question."""

    idle: float
    greeting: float = 30.0
