"""Tries machines: one made from an image to try it and ended again (a canary), or one of the pool with its new disk."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from wake_service.agent.link import AgentLink
from wake_service.agent.wire import Report, Stop
from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsCapacity, AwsNotFound
from wake_service.aws.inventory import list_machines
from wake_service.aws.stack import Stack
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError, ProviderError, ProviderTimeout, WakebrushError
from wake_service.images.agreement import disagreements
from wake_service.images.disks import Tell, finish_first
from wake_service.images.facts import Image, mark_verified
from wake_service.images.first_copy import export_first_copy
from wake_service.images.painting import Engine, paint
from wake_service.images.record import read_catalogue
from wake_service.providers.base import BootStage, Door, Power, Sighting
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.copies import newest_copy
from wake_service.providers.ec2.create import create
from wake_service.providers.ec2.keys import Keys
from wake_service.providers.ec2.line import Dial, dial_guard
from wake_service.providers.ec2.listing import list_instances
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.provider import Ec2Provider
from wake_service.providers.ec2.rule import Address, WayIn
from wake_service.providers.ec2.waits import within

#: The first boot of a new disk reads all that it needs from a snapshot; in seconds.
WAKE_SECONDS = 1200.0
#: For so long nobody else stops a machine that is tried; should this command die, the machine stops itself before.
LEASE_SECONDS = 3600.0
#: How long AWS may take to show a machine that was just made, and to stop one, in seconds.
SHOWN_SECONDS, STOP_SECONDS, LOOK_SECONDS = 60.0, 600.0, 5.0
_WEEK = 604_800.0
_WHO = "the check of an image"


def open_engine(door: Door) -> Engine:
    """The engine behind a guard."""
    return EngineClient(door.url, token=door.token, fingerprint=door.fingerprint)


@dataclass(frozen=True, slots=True)
class Reach:
    """How machines are reached; tests bring their own."""

    address: Address
    dial: Dial = dial_guard
    engine: Callable[[Door], Engine] = open_engine


class Trials:
    """Trials on behalf of one admin. `options` are those of the pool that the image is for; `tell` hears of each step."""

    def __init__(self, aws: Aws, options: Ec2Options, stack: Stack, reach: Reach, tell: Tell) -> None:
        self._aws = aws
        self._stack = stack
        self._reach = reach
        self._tell = tell
        self._pool = options.pool
        # An admin's own rule beside the service's, and no plan by which another machine would be tried instead.
        self._options = replace(options, caller=_WHO, plan=Plan())

    async def canary(self, image: Image, *, instance_type: str | None = None, zone: str | None = None) -> None:
        """Makes a machine from the image, lets it paint, ends it, and writes on the image that it works.

        The machine is ended whatever happens, or named. Raises WakebrushError saying what the image lacks.
        """
        await self.end_canaries()
        made: list[str] = []
        try:
            async with self._way_in():
                made.append(await self._make(image, instance_type, zone))
                self._tell(f"Made the canary {made[0]} from {image.id}. It boots: this takes some minutes.")
                await self._key(made[0])
                await self._try(made[0], image, replace(self._options, pool=tags.CANARY_POOL))
        except WakebrushError as error:
            await finish_first(self._end_after(error, made))
            raise
        except BaseException:
            await finish_first(self.end_canaries(made))
            raise
        await finish_first(self.end_canaries(made))
        await mark_verified(self._aws, image)
        self._tell(f"{image.id} works.")

    async def machine(self, machine_id: str, image: Image) -> None:
        """Wakes a machine of the pool, lets it paint, and puts it to sleep again unless somebody uses it by then.

        Raises WakebrushError when it does not paint; then it is stopped, so that its disk can be taken back.
        """
        lease = tags.as_list({tags.LEASE_UNTIL: tags.moment_text(self._aws.clock.now() + LEASE_SECONDS)})
        await self._aws.call("ec2", "create_tags", Resources=[machine_id], Tags=lease)
        async with self._way_in():
            try:
                await self._try(machine_id, image, self._options, start=True)
            except WakebrushError:
                await self._stopped(machine_id)
                raise

    async def end_canaries(self, known: Sequence[str] = ()) -> None:
        """Ends every canary of the deployment, those of checks that were broken off too. Raises ProviderError naming one that
        goes on."""
        listed = [thing.id for thing in await list_machines(self._aws, self._options.deployment) if _is_canary(thing.tags)]
        for machine_id in dict.fromkeys((*known, *listed)):
            try:
                await self._end(machine_id, made_now=machine_id in known)
            except ProviderError as error:
                raise ProviderError(
                    f"The canary {machine_id} could not be ended, and costs money until it is: {error} Run "
                    f"`wakebrush image verify` again, which ends it first, or "
                    f"`aws ec2 terminate-instances --instance-ids {machine_id}`."
                ) from error
            self._tell(f"Ended the canary {machine_id}.")

    async def _end(self, machine_id: str, *, made_now: bool) -> None:
        """Ends one. AWS may not know yet what it has made a moment ago."""
        until = self._aws.clock.now() + (SHOWN_SECONDS if made_now else 0.0)
        while True:
            try:
                await self._aws.call("ec2", "terminate_instances", InstanceIds=[machine_id])
                break
            except AwsNotFound:
                if self._aws.clock.now() >= until:
                    break
                await self._aws.clock.sleep(LOOK_SECONDS)
        await Keys(self._aws, self._options).remove(machine_id)

    async def _end_after(self, error: WakebrushError, made: Sequence[str]) -> None:
        """Ends the canary after a failure; what it says, should that fail too, is both."""
        try:
            await self.end_canaries(made)
        except ProviderError as left:
            raise ProviderError(f"{error} {left}") from left

    async def _make(self, image: Image, instance_type: str | None, zone: str | None) -> str:
        """A machine of the plan, from this image, with the pool's newest copy of the models if there is one."""
        attempt = secrets.token_hex(4)
        snapshot = await newest_copy(self._aws, self._options, self._pool, self._aws.clock.now() - 4 * _WEEK)
        lease = {tags.LEASE_UNTIL: tags.moment_text(self._aws.clock.now() + LEASE_SECONDS)}
        taken: AwsCapacity | None = None
        for place in [zone] if zone else await self._zones():
            try:
                return await create(
                    self._aws,
                    self._options,
                    f"canary {image.id} {attempt} {place}",
                    zone=place,
                    instance_type=instance_type,
                    snapshot=snapshot,
                    pool=tags.CANARY_POOL,
                    image=image.id,
                    marks=lease,
                    passing=True,
                )
            except AwsCapacity as error:
                self._tell(f"AWS has none of these machines in {place} now.")
                taken = error
        raise ProviderError(
            "AWS has no machine of this kind free in any of our zones, so the image could not be tried. Nothing was changed. "
            "Try again later, or with another --type."
        ) from taken

    async def _zones(self) -> list[str]:
        answer = await self._aws.call("ec2", "describe_subnets", SubnetIds=list(self._stack.subnets))
        return sorted({subnet["AvailabilityZone"] for subnet in answer["Subnets"]})

    async def _key(self, machine_id: str) -> None:
        """The token of its only wake, written as soon as AWS shows it."""
        until = self._aws.clock.now() + SHOWN_SECONDS
        while True:
            instance = (await list_instances(self._aws, self._options.deployment)).instances.get(machine_id)
            if instance is not None:
                return await Keys(self._aws, self._options).write(machine_id, instance.arn)
            if self._aws.clock.now() >= until:
                raise ProviderTimeout(f"AWS made {machine_id} and does not list it.")
            await self._aws.clock.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def _way_in(self) -> AsyncIterator[None]:
        way = WayIn(self._aws, self._options, self._reach.address)
        await way.open()
        try:
            yield
        finally:
            await finish_first(way.close())

    async def _try(self, machine_id: str, image: Image, options: Ec2Options, *, start: bool = False) -> None:
        """Waits for guard, agent and engine as the service does, compares, and paints."""
        reach = self._reach
        provider = Ec2Provider(self._aws, options, self._aws.clock, reach.dial, address=reach.address, name="check")
        try:
            if start:
                await provider.start(machine_id)
            await self._until_engine(provider, provider.watch(), machine_id)
            door = await provider.door(machine_id)
            link = await reach.dial(door)
            try:
                await self._look_and_paint(door, await _first_report(link), image)
                if start:
                    await self._send_to_sleep(link, machine_id)
            finally:
                await link.close()
        finally:
            await finish_first(provider.close())

    async def _until_engine(self, provider: Ec2Provider, watching: AsyncIterator[Sighting], machine_id: str) -> None:
        last: list[Sighting] = []

        async def follow() -> None:
            async for sighting in watching:
                if sighting.machine_id != machine_id:
                    continue
                if last[-1:] != [sighting]:
                    last.append(sighting)
                if sighting.stage is BootStage.ENGINE:
                    return
                if sighting.power in (Power.TERMINATED, Power.STOPPED, Power.STOPPING):
                    raise ProviderError(f"{machine_id} did not stay up. {sighting.message or 'AWS does not say why.'}")

        found = next((one for one in await provider.machines() if one.machine_id == machine_id), None)
        if found is not None and found.stage is BootStage.ENGINE:
            return
        try:
            await within(self._aws.clock, WAKE_SECONDS, follow(), "late")
        except ProviderTimeout as late:
            raise ProviderTimeout(_too_long(machine_id, last)) from late

    async def _look_and_paint(self, door: Door, report: Report, image: Image) -> None:
        engine = self._reach.engine(door)
        try:
            stats, info = await engine.system_stats(), await engine.object_info()
            exported = await read_catalogue(self._aws, self._stack.bucket, image.id)
            wrong = disagreements(image.versions, report, stats, info, exported)
            if wrong:
                raise EngineError(" ".join(wrong))
            self._tell(f"Agent {report.agent.version} and engine {stats.version} answer. It paints a small picture.")
            self._tell((await paint(engine, Catalogue.parse(info), self._aws.clock)).sentence)
            if isinstance(engine, EngineClient):
                await export_first_copy(self._aws, self._stack.bucket, image.id, engine, self._tell)
        finally:
            await engine.close()

    async def _send_to_sleep(self, link: AgentLink, machine_id: str) -> None:
        """By its agent, which looks whether somebody uses it by now."""
        reply = await link.order(Stop(), seconds=30.0)
        if not reply.done:
            self._tell(f"{machine_id} stays awake, and sleeps when it is idle: {reply.sentence}")

    async def _stopped(self, machine_id: str) -> None:
        """Stops a machine that does not paint, and waits until it has. Raises ProviderError."""
        until = self._aws.clock.now() + STOP_SECONDS
        while True:
            instance = (await list_instances(self._aws, self._options.deployment)).instances.get(machine_id)
            if instance is None or instance.power in (Power.STOPPED, Power.TERMINATED):
                return
            if self._aws.clock.now() >= until:
                raise ProviderTimeout(
                    f"{machine_id} does not paint, and does not stop either. Look at it in the EC2 console: it costs money."
                )
            if instance.power is Power.RUNNING:
                await self._aws.call("ec2", "stop_instances", InstanceIds=[machine_id])
            await self._aws.clock.sleep(LOOK_SECONDS)


def _is_canary(tagged: dict[str, str]) -> bool:
    return tagged.get(tags.POOL) == tags.CANARY_POOL


def _too_long(machine_id: str, seen: Sequence[Sighting]) -> str:
    """How far it came."""
    last = seen[-1] if seen else None
    minutes = f"{machine_id} was not ready within {WAKE_SECONDS / 60:.0f} minutes. "
    if last is None or last.power is not Power.RUNNING:
        return minutes + "AWS did not start it."
    if last.message:
        return minutes + last.message
    return minutes + (
        "It runs, and its engine never answered: neither guard nor agent were reached, or the engine still starts. The "
        "console's system log of the machine says how far it came (docs/image.md)."
    )


async def _first_report(link: AgentLink) -> Report:
    async for report in link.reports():
        return report
    raise ProviderError("The machine closed the link without a word.")
