"""The line to one machine: its agent is dialled, and dialled again when the link breaks, for as long as the machine lives."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from wake_service.agent.guard import GuardLink
from wake_service.agent.link import AgentLink, LinkBroken, LinkRefused
from wake_service.agent.wire import Acknowledge, Drain, HandOver, Order, Prefetch, Report, Undrain
from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.providers.base import Door, Kept
from wake_service.providers.ec2.keys import NoKey
from wake_service.providers.ec2.options import Deadlines
from wake_service.providers.ec2.waits import pause, within

log = logging.getLogger(__name__)

Dial = Callable[[Door], Awaitable[AgentLink]]

#: Pauses between two tries, in seconds: short while a machine boots, since its guard answers any moment; long when it has not
#: answered for a minute or so.
FIRST_PAUSE, PAUSE, LONG_PAUSE = 0.5, 2.0, 10.0
_SHORT_TRIES = 40
#: What one order acknowledges at most (docs/agent.md).
ACKNOWLEDGED_AT_ONCE = 1000
#: So many refusals (about half a minute of them) may be of a machine that has not written its certificate or read its key yet.
_PASSING_TRIES = 15


async def dial_guard(door: Door) -> AgentLink:
    """Dials a real machine. Raises LinkBroken or LinkRefused."""
    if door.token is None or door.fingerprint is None:
        raise LinkBroken("A machine without a key cannot be dialled.")
    return await GuardLink.dial(door.url, token=door.token, fingerprint=door.fingerprint)


class Owner(Protocol):
    """Whose line it is."""

    async def door(self) -> Door:
        """Where to dial now. Raises ProviderError while there is nowhere."""

    async def unreached(self) -> bool:
        """A try has failed: looks for the cause on our side. True when something was mended: it is tried at once."""

    def heard(self, report: Report) -> None:
        """The machine has said something."""

    def refused(self, sentence: str) -> None:
        """The machine goes on not letting us in."""

    def broke(self) -> None:
        """A link that stood is gone."""


class Line:
    """One life's line. `prefetch`, and what is advised later, is told whenever there is a link."""

    def __init__(self, owner: Owner, dial: Dial, clock: Clock, deadlines: Deadlines, prefetch: tuple[str, ...]) -> None:
        self._owner = owner
        self._dial = dial
        self._clock = clock
        self._deadlines = deadlines
        self._link: AgentLink | None = None
        self._linked = asyncio.Event()
        self._prefetch = prefetch
        #: Set once the first try has come to something, or to nothing.
        self.tried = asyncio.Event()
        #: Set when it may be worth trying again before the pause is over.
        self.hint = asyncio.Event()
        self._background = Background(log)
        self._background.spawn(self._keep())

    async def close(self) -> None:
        """Lets go."""
        await self._background.cancel()

    async def drain(self, draining: bool) -> None:
        """Closes the guard to new prompts, or opens it. Raises ProviderError when the machine does not confirm it in time."""
        await self._order(Drain() if draining else Undrain())

    async def hand_over(self) -> None:
        """Has the machine wiped. Raises ProviderError when it refuses, or does not confirm it in time."""
        await self._order(HandOver(), answered=self._deadlines.hand_over)

    async def hold(self, order: Order) -> None:
        """Tells the agent, if it listens; the tag on the machine says the same."""
        if self._link is not None:
            await self._order(order)

    async def prefetch(self, models: Sequence[str]) -> None:
        """Advises, now or when the machine can hear it."""
        self._prefetch = tuple(models)
        if self._link is not None:
            await self._advise(self._link)

    async def deliver(self, name: str, data: bytes) -> str:
        """Gives the machine a picture; the name its engine will find it under. Raises ProviderError while it does not hear."""
        if self._link is None:
            raise ProviderError("The machine's agent is not reached yet.")
        return await self._link.put_input(name, data)

    async def kept(self, prompt_id: str) -> Kept | None:
        """What the machine keeps of a prompt. Raises ProviderError while it does not hear, or when a file came damaged."""
        if self._link is None:
            raise ProviderError("The machine's agent is not reached yet.")
        link = self._link
        result = await link.kept(prompt_id)
        if result is None:
            return None
        files: list[bytes] = []
        for number, file in enumerate(result.files):
            data = await link.fetch(prompt_id, number)
            if data is None:
                return None  # acknowledged by somebody meanwhile
            if await asyncio.to_thread(_sha256, data) != file.sha256:
                raise ProviderError(f"The picture {file.name}, which the machine kept, arrived damaged.")
            files.append(data)
        return Kept(tuple(files), result.finished_at)

    async def acknowledge(self, prompt_ids: Sequence[str]) -> None:
        """The results of these prompts may be forgotten."""
        for start in range(0, len(prompt_ids), ACKNOWLEDGED_AT_ONCE):
            await self._order(Acknowledge(results=tuple(prompt_ids[start : start + ACKNOWLEDGED_AT_ONCE])))

    async def _order(self, order: Order, *, answered: float | None = None) -> None:
        seconds = self._deadlines.order
        if not await pause(self._clock, seconds, self._linked) or self._link is None:
            raise ProviderTimeout(f"The machine's agent could not be reached within {seconds:g} s.")
        reply = await self._link.order(order, seconds=answered or seconds)
        if not reply.done:
            raise ProviderError(f"The machine refused: {reply.sentence}")

    async def _advise(self, link: AgentLink) -> None:
        if not self._prefetch:
            return
        try:
            await link.order(Prefetch(models=self._prefetch), seconds=self._deadlines.order)
        except ProviderError as error:
            log.info("A machine did not take the advice to prefetch: %s", error)

    async def _keep(self) -> None:
        failures = 0
        while True:
            link = await self._reach(failures)
            if link is None:
                await self._rest(failures)
                failures += 1
                continue
            failures = 0
            try:
                await self._listen(link)
            finally:
                self._link = None
                self._linked.clear()
                await link.close()
            self._owner.broke()

    async def _reach(self, failures: int) -> AgentLink | None:
        """A link; None when there is none to be had now. What was mended on our side is made use of at once."""
        while True:
            try:
                door = await self._owner.door()
            except ProviderError as error:
                self._complain(error, failures)
                return None
            try:
                return await self._try(door)
            except ProviderError as error:
                self._complain(error, failures)
            if not await self._mended():
                return None

    async def _try(self, door: Door) -> AgentLink:
        late = f"The machine's guard did not answer within {self._deadlines.dial:g} s."

        async def dial() -> AgentLink:
            return await self._dial(door)

        return await within(self._clock, self._deadlines.dial, dial(), late)

    async def _mended(self) -> bool:
        try:
            return await self._owner.unreached()
        except ProviderError as error:
            log.warning("Why a machine is not reached could not be found out: %s", error)
            return False

    async def _rest(self, failures: int) -> None:
        self.tried.set()
        self.hint.clear()
        seconds = min(PAUSE, FIRST_PAUSE * 2**failures) if failures < _SHORT_TRIES else LONG_PAUSE
        await pause(self._clock, seconds, self.hint)

    def _complain(self, error: ProviderError, failures: int) -> None:
        """A refusal that lasts is for somebody to read; while a machine boots, one may pass."""
        log.debug("A machine is not reached: %s", error)
        if isinstance(error, LinkRefused | NoKey) and failures >= _PASSING_TRIES:
            self._owner.refused(str(error))

    async def _listen(self, link: AgentLink) -> None:
        self._link = link
        advising = asyncio.ensure_future(self._advise(link))
        try:
            async for report in link.reports():
                self._owner.heard(report)
                self.tried.set()
                self._linked.set()
        except LinkBroken as error:
            log.info("The link to a machine broke: %s", error)
        finally:
            advising.cancel()
            await asyncio.gather(advising, return_exceptions=True)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
