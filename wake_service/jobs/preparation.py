"""While a machine still boots: the models and pictures its first jobs will need are on their way to it already."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from cachetools import LRUCache

from wake_service.blobs.base import BlobStore
from wake_service.clock import Clock
from wake_service.comfy.request import Style
from wake_service.errors import ProviderError, StorageError
from wake_service.jobs.model import Job
from wake_service.jobs.recipe import models_of

log = logging.getLogger(__name__)

#: How many waiting jobs are prepared for: the engine's own queue takes two, and more may never come to this machine.
JOBS = 2
#: A machine that boots does not hear us at first: asked again after so many seconds.
PAUSE_SECONDS = 2.0
#: Machines whose preparation is remembered: more than boot at once.
REMEMBERED_MACHINES = 256


@dataclass(frozen=True, slots=True)
class Hands:
    """How a machine that boots is reached. `deliver(name, data)` gives the name under which its engine will find the picture,
    or None where pictures can only be given to an engine that answers. Both raise ProviderError. `boots`: whether it still does.
    """

    prefetch: Callable[[Sequence[str]], Awaitable[None]]
    deliver: Callable[[str, bytes], Awaitable[str | None]]
    boots: Callable[[], bool]


@dataclass(slots=True)
class Prepared:
    """What one life of a machine was given: checksums of pictures, with the names its engine finds them under."""

    inputs: dict[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()


class Preparation:
    """Prepares machines for the jobs that wait. What it does is advice: a job whose inputs did not arrive uploads them itself."""

    def __init__(self, blobs: BlobStore, clock: Clock, style: Callable[[str], Style | None]) -> None:
        self._blobs = blobs
        self._clock = clock
        self._style = style
        self._prepared: LRUCache[str, tuple[str, Prepared]] = LRUCache(REMEMBERED_MACHINES)

    def of(self, machine_id: str, boot: str) -> Prepared:
        """What this life of the machine was given so far."""
        known_boot, prepared = self._prepared.get(machine_id, ("", Prepared()))
        return prepared if known_boot == boot else Prepared()

    def forget(self, machine_id: str) -> None:
        """The machine was wiped."""
        self._prepared.pop(machine_id, None)

    async def prepare(
        self,
        machine_id: str,
        boot: str,
        wanted: Callable[[], Sequence[Job]],
        hands: Hands,
        may_give: Callable[[Job], bool] = lambda _: True,
    ) -> None:
        """Goes on until the machine has what the first of the `wanted` jobs need, or does not boot any more.

        Pictures are given only of jobs that `may_give` lets there.
        """
        prepared = self.of(machine_id, boot)
        self._prepared[machine_id] = (boot, prepared)
        while hands.boots():
            try:
                return await self._give(prepared, wanted()[:JOBS], hands, may_give)
            except ProviderError as error:
                log.debug("machine %s does not hear yet: %s", machine_id, error)
            except StorageError as error:
                return log.warning("machine %s cannot be given a picture: %s", machine_id, error)
            await self._clock.sleep(PAUSE_SECONDS)

    async def _give(self, prepared: Prepared, jobs: Sequence[Job], hands: Hands, may_give: Callable[[Job], bool]) -> None:
        models = tuple(dict.fromkeys(model for job in jobs for model in self._models(job)))
        if models != prepared.models:
            await hands.prefetch(models)
            prepared.models = models
        pictures = [job for job in filter(may_give, jobs) if not job.is_workflow]
        inputs = dict.fromkeys(sha256 for job in pictures for sha256 in job.request.inputs())
        for sha256 in inputs:
            if sha256 not in prepared.inputs and hands.boots():
                name = await hands.deliver(f"{sha256}.png", await self._blobs.get(sha256))
                if name is not None:
                    prepared.inputs[sha256] = name

    def _models(self, job: Job) -> list[str]:
        style = None if job.is_workflow else self._style(job.painting.style)
        if style is None:
            return []
        return [f"{folder}/{name}" for folder, name in models_of(job.painting, style)]
