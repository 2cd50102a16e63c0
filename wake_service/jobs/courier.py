"""What the jobs' side needs of whoever follows a workflow: a graph that a client brought, which ends in whatever it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import WireEvent
from wake_service.errors import EngineError, EngineRefused
from wake_service.jobs.model import Job
from wake_service.store.store import Transaction


class Missed(EngineError):
    """Something of what the prompt made was told while nobody listened, and is not to be had any more: it must run again."""


class Courier(Protocol):
    """Follows one prompt from its sending until all that it made is stored."""

    async def graph(self) -> dict[str, Any]:
        """The graph for this engine, its inputs at the engine. Raises EngineError or StorageError."""

    def extra(self) -> dict[str, Any]:
        """Further members of what is sent with the graph (`extra_data`, `partial_execution_targets`)."""

    def heard(self, event: WireEvent, raw: str | bytes) -> None:
        """The engine said something about the prompt. Never waits."""

    def missed(self) -> None:
        """The connection broke: something may have been said meanwhile."""

    def left(self) -> None:
        """Nothing more will be heard."""

    def accepted(self, node_errors: dict[str, Any]) -> None:
        """The engine took the graph; `node_errors` tells of outputs that it will not run."""

    def refused(self, error: EngineRefused) -> None:
        """The engine's validation said no."""

    async def finish(self) -> None:
        """Returns when all that was made is stored. Safe to repeat. Raises Missed, EngineError or StorageError."""

    def write(self, tx: Transaction) -> None:
        """Writes down how the prompt ended, with the job's end."""

    async def close(self) -> None:
        """Lets go of what is under way."""


#: The courier of a job's prompt, by the id under which the engine knows it.
Couriers: TypeAlias = Callable[[Job, str, EngineClient], Courier]
