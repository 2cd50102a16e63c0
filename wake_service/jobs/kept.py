"""Results that machines have kept: those nobody here has are brought home, those that are safe here are acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import EngineError, ProviderError, StorageError
from wake_service.jobs import records
from wake_service.jobs.book import JobBook
from wake_service.jobs.collector import Collector
from wake_service.jobs.picture import Picture, Sent
from wake_service.providers.base import Kept
from wake_service.store.store import Store

log = logging.getLogger(__name__)

#: What could not be fetched is tried again for so long, in seconds: the engine waits for it, and could paint it anew meanwhile.
COLLECT_SECONDS = 60.0
_COLLECT_PAUSE = 2.0
#: Pictures that runners brought home within so many seconds are acknowledged with one order; also the pause between two orders.
ACKNOWLEDGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How a machine with kept results is reached: `fetch` one by its prompt id, `acknowledge` some. Both raise ProviderError."""

    fetch: Callable[[str], Awaitable[Kept | None]]
    acknowledge: Callable[[Sequence[str]], Awaitable[None]]


@dataclass(slots=True)
class _Machine:
    """One machine's results. `open`: ours that are not home; `safe`: those that it may forget and was not told so yet."""

    reach: Reach
    listed: tuple[str, ...] = ()
    changed: bool = False
    collecting: asyncio.Future[None] | None = None
    open: set[str] = field(default_factory=set)
    safe: dict[str, None] = field(default_factory=dict)
    acknowledging: asyncio.Future[None] | None = None


class KeptResults:
    """Looks after what machines have kept, as they tell it (`told`).

    Results of jobs that are finished, cancelled or deleted are acknowledged, and so are pictures that a runner has brought home
    (`stored`). A picture that is still wanted, and is no runner's to bring (`at_work`), is fetched and announced as if its engine
    had just finished it; `superseded` is told of its job, which another machine may have in hand. What others had made stays.
    """

    def __init__(
        self,
        store: Store,
        book: JobBook,
        collector: Collector,
        clock: Clock,
        at_work: Callable[[str], bool],
        superseded: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._book = book
        self._collector = collector
        self._clock = clock
        self._at_work = at_work
        self._superseded = superseded
        self._machines: dict[str, _Machine] = {}
        self._background = Background(log)
        #: Jobs with a picture on its way home: no machine shall begin to paint it meanwhile.
        self.coming: set[str] = set()

    def told(self, machine_id: str, prompt_ids: tuple[str, ...], reach: Reach) -> None:
        """All that lies on the machine now."""
        machine = self._machines.setdefault(machine_id, _Machine(reach))
        machine.listed = prompt_ids
        self._look_again(machine)

    async def settled(self, machine_id: str) -> None:
        """Returns when all that was told so far is home, or cannot be brought home now."""
        machine = self._machines.get(machine_id)
        if machine is not None and machine.collecting is not None:
            await asyncio.wait({machine.collecting})

    def stored(self, machine_id: str, prompt_id: str) -> None:
        """A picture is safe here. A machine that has kept nothing so far need not be told.

        What it keeps of an earlier try, and could not be brought home, may be of no use any more.
        """
        machine = self._machines.get(machine_id)
        if machine is None:
            return
        self._acknowledge(machine, [prompt_id], ACKNOWLEDGE_SECONDS)
        if machine.open:
            self._look_again(machine)

    def left(self, machine_id: str, prompt_id: str) -> None:
        """No runner is about to bring a picture any more: if it is kept, that is to be fetched, or of no use."""
        machine = self._machines.get(machine_id)
        if machine is not None and prompt_id in machine.listed and prompt_id not in machine.safe:
            self._look_again(machine)

    def forget(self, machine_id: str) -> None:
        """The machine is not reached any more; what it has kept it tells again."""
        machine = self._machines.pop(machine_id, None)
        for task in (machine.collecting, machine.acknowledging) if machine else ():
            if task is not None:
                task.cancel()

    async def stop(self) -> None:
        """Lets go; what is not home yet is told to the next service."""
        await self._background.cancel()

    def _look_again(self, machine: _Machine) -> None:
        machine.changed = True
        if machine.collecting is None or machine.collecting.done():
            machine.collecting = self._background.spawn(self._collect(machine))

    async def _collect(self, machine: _Machine) -> None:
        give_up_at = self._clock.now() + COLLECT_SECONDS
        while machine.changed:
            machine.changed = False
            try:
                await self._look_through(machine)
            except (ProviderError, StorageError) as error:
                if self._clock.now() >= give_up_at:
                    return log.warning("What a machine has kept could not be brought home: %s", error)
                await self._clock.sleep(_COLLECT_PAUSE)
                machine.changed = True

    async def _look_through(self, machine: _Machine) -> None:
        """Raises the last error, after everything else was seen to."""
        known = await self._store.read(partial(records.prompts_named, prompt_ids=machine.listed))
        ours = [prompt_id for prompt_id in machine.listed if prompt_id in known]
        wanted = [prompt_id for prompt_id in ours if self._wanted(*known[prompt_id])]
        machine.open = set(wanted)
        self._acknowledge(machine, [each for each in ours if each not in wanted and not self._at_work(each)])
        mine = {known[prompt_id][0] for prompt_id in wanted} - self.coming
        self.coming |= mine
        trouble: ProviderError | StorageError | None = None
        try:
            for prompt_id in wanted:
                try:
                    await self._bring_home(machine, prompt_id, *known[prompt_id])
                except (ProviderError, StorageError) as error:
                    trouble = error
        finally:
            self.coming -= mine
        for job_id in mine:
            await self._superseded(job_id)
        if trouble is not None:
            raise trouble

    def _wanted(self, job_id: str, n: int) -> bool:
        """Of a workflow the machine has kept the files and not what belongs to them: it is run again."""
        job = self._book.board.get(job_id)
        return job is not None and not job.is_workflow and n in job.missing()

    async def _bring_home(self, machine: _Machine, prompt_id: str, job_id: str, n: int) -> None:
        if self._at_work(prompt_id):
            return  # its runner brings it, and says so
        kept = await machine.reach.fetch(prompt_id)
        if kept is None or not kept.files:
            return
        try:
            fetched = await self._collector.keep(kept.files[0])
        except EngineError as error:
            log.warning("A result that a machine has kept is of no use: %s", error)
            return self._acknowledge(machine, [prompt_id])
        picture = Picture(job_id, n, prompt_id, sent=Sent.DONE, started_at=kept.finished_at)
        await self._collector.announce(picture, fetched, kept.finished_at)
        log.info("job %s: picture %d was kept by its machine and is home now", job_id, n)
        self._acknowledge(machine, [prompt_id])

    def _acknowledge(self, machine: _Machine, prompt_ids: Iterable[str], after: float = 0.0) -> None:
        """What was brought from it is acknowledged at once: a machine that was woken for nothing else is about to stop."""
        machine.safe.update(dict.fromkeys(prompt_ids))
        machine.open.difference_update(machine.safe)
        if machine.safe and (machine.acknowledging is None or machine.acknowledging.done()):
            machine.acknowledging = self._background.spawn(self._acknowledge_all(machine, after))

    async def _acknowledge_all(self, machine: _Machine, pause: float) -> None:
        while machine.safe:
            if pause:
                await self._clock.sleep(pause)
            pause = ACKNOWLEDGE_SECONDS
            prompt_ids = tuple(machine.safe)
            try:
                await machine.reach.acknowledge(prompt_ids)
            except ProviderError as error:
                log.info("A machine could not be told that its results are safe: %s", error)
                continue
            for prompt_id in prompt_ids:
                del machine.safe[prompt_id]
