"""A pool brought to another image, and back. Whoever is interrupted says the same again, and it goes on where it stopped.

First one machine that sleeps gets the image and has to paint with it; if it does not, it gets its old disk back and nothing has
changed. Then new machines are made from it, then all others of the pool get it while they sleep. A machine that is awake keeps
what it has until it sleeps: nothing here takes work away from it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

from wake_service.aws.clients import Aws
from wake_service.aws.stack import Stack, describe, image_of
from wake_service.errors import ProviderError, WakebrushError
from wake_service.images import plan, record
from wake_service.images.disks import Exchange, Sleeper, StillAwake, Tell, list_sleepers
from wake_service.images.facts import Image, find_image
from wake_service.images.record import Record

#: Between two looks whether a machine sleeps by now, in seconds.
LOOK_SECONDS = 15.0
#: For so long one that is stopping just now is waited for in any case, in seconds.
FALLING_SECONDS = 300.0
_STOPPING = "stopping"


class Trial(Protocol):
    """Who tries an image (trial.Trials)."""

    async def canary(self, image: Image) -> None:
        """On a machine that is made for it. Raises WakebrushError."""

    async def machine(self, machine_id: str, image: Image) -> None:
        """On a machine of the pool. Raises WakebrushError, with the machine stopped."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is so at the end. `left` are machines that were awake, by id with AWS's word for their state."""

    image: str
    before: str | None
    machines: tuple[str, ...]
    left: dict[str, str]

    @property
    def done(self) -> bool:
        """Whether every machine has the image."""
        return not self.left


class Rollout:
    """Rolls for one admin. `pool` is the pool whose machines are brought to an image."""

    def __init__(self, aws: Aws, stack: Stack, pool: str, trial: Trial, tell: Tell) -> None:
        self._aws = aws
        self._stack = stack
        self._pool = pool
        self._trial = trial
        self._tell = tell
        self._exchange = Exchange(aws, stack.name, pool, tell)

    async def roll(self, image_id: str, *, wait: float = 0.0) -> Outcome:
        """Brings an image to the pool, after a check unless one of the last day counts. `wait`: for so many seconds machines
        that are awake are waited for. Raises WakebrushError; what is said then is how things stand."""
        image = await find_image(self._aws, self._stack.name, image_id)
        if image.verified_lately(self._aws.clock.now()):
            self._tell(f"{image.id} was checked within a day.")
        else:
            await self._trial.canary(image)
        return await self._bring(image, (await self._recorded()).towards(image.id, in_use=await self._in_use()), wait)

    async def back(self, *, wait: float = 0.0) -> Outcome:
        """Brings the image before this one, or goes on with a way back that was not finished. An image that was checked once
        is not checked again."""
        known = await self._recorded()
        if not (known.back and await self._unfinished(known.goal)):
            known = known.backwards(proven=False)
        image = await find_image(self._aws, self._stack.name, known.goal)
        if image.verified_at is not None:
            known = replace(known, proven=True)
        else:
            await self._trial.canary(image)
        return await self._bring(image, known, wait)

    async def target(self) -> str:
        """The image that `back` would bring. Raises SetupError when there is none."""
        known = await self._recorded()
        going = known.back and await self._unfinished(known.goal)
        return known.goal if going else known.backwards(proven=False).goal

    async def _bring(self, image: Image, going: Record, wait: float) -> Outcome:
        await self._write(going)
        try:
            if not going.proven:
                going = await self._prove(image, going)
            if await plan.switch(self._aws, self._stack.name, image.id):
                self._tell(f"New machines are made from {image.id}.")
            left = await self._bring_all(image, wait)
        except asyncio.CancelledError:
            self._tell("Interrupted. Say the same again and it goes on from here; machines not named so far keep their image.")
            raise
        everyone = tuple(sleeper.id for sleeper in await self._sleepers() if sleeper.image == image.id)
        return Outcome(image.id, going.past[-1] if going.past else None, everyone, left)

    async def _prove(self, image: Image, going: Record) -> Record:
        """Lets one machine of the pool paint with it. Where all are awake, the check on a canary has to be enough."""
        first = _first(await self._sleepers(), image, going)
        if first is None:
            self._tell("No machine of the pool sleeps, so none was tried with it beforehand.")
            return going
        going = replace(going, trying=first.id)
        await self._write(going)
        before = first.image if first.image != image.id else None
        try:
            await self._exchange.bring(first.id, image, keep_old=True)
            self._tell(f"{first.id}: wakes, to see that it paints.")
            await self._trial.machine(first.id, image)
        except StillAwake:
            self._tell(f"{first.id} was woken by somebody, so none was tried with it beforehand.")
            return going
        except WakebrushError as error:
            raise await self._take_back(first.id, before, error) from error
        going = replace(going, trying=None, proven=True)
        await self._write(going)
        return going

    async def _take_back(self, machine_id: str, before: str | None, error: WakebrushError) -> WakebrushError:
        """The machine gets its old disk back; what there is to say then."""
        said = f"{machine_id} does not work with this image: {error}"
        now = await self._exchange.find(machine_id)
        old = before or next((disk.image for disk in (now.spare if now else ())), None)
        if old is None:
            return ProviderError(f"{said} Its disk before is gone. Bring another image: `wakebrush image rollback`.")
        try:
            there = any(disk.image == old for disk in (now.spare if now else ()))
            image = Image(old, "", "", "", 0) if there else await find_image(self._aws, self._stack.name, old)
            await self._exchange.bring(machine_id, image)
        except WakebrushError as worse:
            return ProviderError(
                f"{said} It could not be given its disk back: {worse} It does not paint as it is: say `wakebrush image rollback`."
            )
        return ProviderError(f"{said} It has its old disk back, and nothing else was changed.")

    async def _bring_all(self, image: Image, wait: float) -> dict[str, str]:
        """Every machine that sleeps, and those that fall asleep in time; what is left."""
        now, said = self._aws.clock.now(), False
        until, falling = now + wait, now + FALLING_SECONDS
        while True:
            for sleeper in await self._sleepers():
                if sleeper.image == image.id or sleeper.asleep:
                    await self._one(sleeper, image)
            left = {one.id: one.word for one in await self._sleepers() if one.image != image.id}
            patience = falling if _STOPPING in left.values() else until
            if not left or self._aws.clock.now() >= max(patience, until):
                return left
            if not said:
                self._tell(f"Waiting until {', '.join(left)} {'sleeps' if len(left) == 1 else 'sleep'}.")
                said = True
            await self._aws.clock.sleep(LOOK_SECONDS)

    async def _one(self, sleeper: Sleeper, image: Image) -> None:
        if sleeper.settled_on(image.id):
            return
        try:
            await self._exchange.bring(sleeper.id, image)
        except StillAwake as error:
            self._tell(str(error))

    async def _unfinished(self, goal: str) -> bool:
        machines = await self._sleepers()
        return await self._in_use() != goal or any(not sleeper.settled_on(goal) for sleeper in machines)

    async def _sleepers(self) -> list[Sleeper]:
        return await list_sleepers(self._aws, self._stack.name, self._pool)

    async def _in_use(self) -> str | None:
        described = await describe(self._aws, self._stack.name)
        return None if described is None else image_of(described)

    async def _recorded(self) -> Record:
        known = await record.read(self._aws, self._stack.bucket)
        return known or record.first(await self._in_use())

    async def _write(self, going: Record) -> None:
        await record.write(self._aws, self._stack.bucket, going)


def _first(sleepers: list[Sleeper], image: Image, going: Record) -> Sleeper | None:
    """Who is tried first: whoever was being tried when somebody was interrupted, else one that sleeps."""
    begun = (one for one in sleepers if one.id == going.trying and (one.asleep or one.image == image.id))
    return next(begun, None) or next((one for one in sleepers if one.asleep), None)
