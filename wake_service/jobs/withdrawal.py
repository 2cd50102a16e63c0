"""Takes pictures back from an engine: of jobs that have ended, and of those that come later now."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError
from wake_service.jobs.picture import Picture, Sent, Tray
from wake_service.jobs.recorder import Recorder

log = logging.getLogger(__name__)

#: An engine ends a cancelled picture at its next step. One that has not after so many seconds hangs: a step takes
#: seconds, and the first one carries a model's disk read, which takes a minute or two from a slow volume.
CANCEL_SECONDS = 180.0
#: An engine that was told to stop says where it stopped, so many seconds after the prompt has left its queue at the latest.
LAST_WORD_SECONDS = 1.0


class Withdrawal:
    """One runner's. `unreachable` gives the machine up."""

    def __init__(
        self,
        client: EngineClient,
        tray: Tray,
        recorder: Recorder,
        clock: Clock,
        background: Background,
        unreachable: Callable[[str], Awaitable[None]],
    ) -> None:
        self._client = client
        self._tray = tray
        self._recorder = recorder
        self._clock = clock
        self._background = background
        self._unreachable = unreachable

    async def make_way(self, comes_later: Callable[[str], bool]) -> None:
        """Takes back jobs that the engine has not begun with and of which it is said that they come later."""
        waiting = {picture.job_id for picture in self._tray.at_engine() if picture.sent is Sent.QUEUED}
        for job_id in filter(comes_later, waiting):
            await self._withdraw(job_id)

    async def _withdraw(self, job_id: str) -> None:
        """A job is taken back whole or not at all: one that has begun is painted here to its end."""
        pictures = self._tray.of_job(job_id)
        sent = [picture for picture in pictures if picture.at_engine]
        unsent = [picture for picture in pictures if self._tray.is_to_be_sent(picture)]
        if len(sent) + len(unsent) < len(pictures) or any(picture.sent is not Sent.QUEUED for picture in sent):
            return
        for picture in unsent:  # not to be sent meanwhile
            self._tray.forget(picture)
        back = await self._taken_back(sent)
        if len(back) == len(sent):
            self._recorder.turned_away(job_id, sent)
            return
        for picture in back:
            self._tray.send_again(picture)
        self._tray.add(unsent)

    async def _taken_back(self, sent: list[Picture]) -> list[Picture]:
        """Those of an engine's waiting pictures that it has let go of without beginning. None, when it cannot be asked."""
        try:
            await self._client.delete([picture.prompt_id for picture in sent])
            queue = await self._client.queue()
            histories = [await self._client.history(picture.prompt_id) for picture in sent]
        except EngineError as error:
            log.info("The engine keeps what it has: %s", error)
            return []
        asked = zip(sent, histories, strict=True)
        return [p for p, history in asked if p.prompt_id not in queue and history is None and p.sent is Sent.QUEUED]

    async def cancel(self, job_id: str) -> bool:
        """Takes a job's pictures from the engine; whether it had any. What it sends of them still is not used."""
        mine = self._tray.of_job(job_id)
        for picture in mine:
            if picture.sent is Sent.NO:
                self._recorder.left(picture)
        sent = [picture for picture in mine if picture.at_engine]
        for picture in sent:
            picture.dropped = True
        if sent:
            await self._take(sent)
        return bool(sent)

    async def _take(self, sent: list[Picture]) -> None:
        try:
            await self._client.delete([picture.prompt_id for picture in sent])
            for picture in sent:
                await self._client.interrupt(picture.prompt_id)
            queue = await self._client.queue()
        except EngineError as error:
            log.warning("Cancelling at the engine failed: %s", error)
            queue = None
        for picture in sent:
            if queue is not None and picture.prompt_id not in queue:
                self._let_go(picture)
            else:
                self._background.spawn(self._insist(picture))

    def _let_go(self, picture: Picture) -> None:
        """A workflow's client is told where it stopped, which may still be on its way to us."""
        if picture.courier is not None and picture.sent is Sent.RUNNING:
            self._background.spawn(self._let_go_late(picture))
        else:
            self._recorder.left(picture)

    async def _let_go_late(self, picture: Picture) -> None:
        await self._clock.sleep(LAST_WORD_SECONDS)
        if self._tray.get(picture.prompt_id) is not None:
            self._recorder.left(picture)

    async def _insist(self, picture: Picture) -> None:
        """An engine that does not let go of a cancelled picture is of no use to anybody."""
        await self._clock.sleep(CANCEL_SECONDS)
        if self._tray.get(picture.prompt_id) is not None:
            await self._unreachable("The engine does not stop working on a cancelled picture.")
