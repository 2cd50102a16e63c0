"""One order to start a machine: waits out a stop, then walks the capacity plan until AWS gives one."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsCapacity, AwsDenied, AwsError, AwsNotFound, AwsQuota, AwsSilent, AwsWrongState
from wake_service.clock import Clock
from wake_service.errors import NoCapacity, ProviderError, ProviderTimeout
from wake_service.providers.base import Power
from wake_service.providers.ec2 import sentences
from wake_service.providers.ec2.capacity import Kind, Means, Situation, Step, next_step
from wake_service.providers.ec2.copies import newest_copy
from wake_service.providers.ec2.create import create
from wake_service.providers.ec2.instance import Instance
from wake_service.providers.ec2.keys import Keys
from wake_service.providers.ec2.machine import Ec2Machine
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.roster import Roster
from wake_service.providers.ec2.waits import pause

log = logging.getLogger(__name__)

Arm = Callable[[str], Awaitable[None]]

#: For so long a machine that was found taken is not waited for before a new one is made (seconds).
TAKEN_LATELY = 300.0
#: How often a start begins anew because the machine was not what AWS's list had said.
_ROUNDS = 3
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What a start works with. `arm` sets the alarm that watches over a machine, before it starts; it raises nothing. `taken`:
    when machines were last found taken, by id (epoch seconds)."""

    aws: Aws
    options: Ec2Options
    clock: Clock
    keys: Keys
    roster: Roster
    arm: Arm
    taken: dict[str, float]


class Halted(ProviderError):
    """A start was given up because a stop was ordered meanwhile."""


class MadeInstead(NoCapacity):
    """Another machine was made, and wakes instead."""


class Start:
    """Runs once. `halt` ends it at the next moment at which nothing is under way at AWS."""

    def __init__(self, tools: Tools, machine_id: str) -> None:
        self._tools = tools
        self._id = machine_id
        self._tried: list[Step] = []
        self._prepared = False
        self._looked_around = False
        self.halt = asyncio.Event()

    async def run(self) -> None:
        """Returns once AWS has accepted the order for this machine. Raises NoCapacity, also when another one was made instead."""
        for _ in range(_ROUNDS):
            machine = await self._settled()
            if machine.instance.power in (Power.STARTING, Power.RUNNING):
                return
            if machine.instance.power is Power.TERMINATED:
                raise ProviderError(f'Machine "{self._id}" was terminated and cannot be started again.')
            try:
                return await self._walk(machine)
            except AwsWrongState as error:
                log.info("machine %s is not what AWS's list said: %s", self._id, error)
            except AwsNotFound as error:
                raise ProviderError(f'Machine "{self._id}" was terminated and cannot be started again.') from error
        raise ProviderError(f'Machine "{self._id}" is neither on nor off for AWS. It is tried again.')

    async def _settled(self) -> Ec2Machine:
        """The machine once it is not stopping; while it is, for as long as the deadline says."""
        deadlines = self._tools.options.deadlines
        until = self._tools.clock.now() + deadlines.stopping
        while True:
            machine = await self._tools.roster.find(self._id)
            left = until - self._tools.clock.now()
            if machine.instance.power is not Power.STOPPING or left <= 0:
                return machine
            await self._pause(min(left, deadlines.follow))

    async def _walk(self, machine: Ec2Machine) -> None:
        instance = machine.instance
        home = instance.home_type or instance.instance_type
        fixed = instance.interrupted or instance.power is Power.STOPPING
        self._situation = Situation(Kind(home, instance.zone, instance.spot), fixed)
        self._type = instance.instance_type
        try:
            while (step := await self._next(instance)) is not None:
                if self._tried or self._situation.fixed:
                    machine.trying(sentences.trying(step, self._situation.kind))
                await self._pause(step.pause)
                self._tried.append(step)
                if await self._try(step, instance):
                    return
            raise self._end(instance)
        except (AwsQuota, AwsDenied) as error:
            await self._go_home(home)
            raise ProviderError(sentences.refused(error)) from error
        except ProviderError:
            await self._go_home(home)
            raise

    async def _next(self, instance: Instance) -> Step | None:
        """The plan's next step. Whether one may be made is looked up only when nothing else is left to try."""
        plan = self._tools.options.plan
        step = next_step(plan, self._tried, self._situation)
        if step is None and plan.create and not self._looked_around:
            self._looked_around = True
            self._note_taken()
            self._situation = await self._look_around(instance)
            step = next_step(plan, self._tried, self._situation)
        return step

    def _note_taken(self) -> None:
        now, taken = self._tools.clock.now(), self._tools.taken
        for machine_id in [id for id, moment in taken.items() if moment + TAKEN_LATELY <= now]:
            del taken[machine_id]
        taken[self._id] = now

    async def _try(self, step: Step, instance: Instance) -> bool:
        """Whether AWS gave this machine. Raises NoCapacity when it gave another one."""
        log.info("machine %s: trying %s, %s", self._id, step.kind, step.means)
        try:
            if step.means is Means.NEW_MACHINE:
                await self._make(step, instance)
            else:
                await self._start_as(step, instance)
            return True
        except AwsCapacity as error:
            log.warning("machine %s: %s is taken: %s", self._id, step.kind, error)
        except AwsWrongState as error:
            if error.code != "IncorrectSpotRequestState":
                raise
            self._situation = replace(self._situation, fixed=True)
        return False

    async def _start_as(self, step: Step, instance: Instance) -> None:
        await self._become(step.instance_type)
        word = secrets.token_hex(8)
        written: list[Awaitable[None]] = [self._tag({tags.BOOT: word})]
        if not self._prepared:
            written += [self._tools.keys.write(self._id, instance.arn), self._tools.arm(self._id)]
        await asyncio.gather(*written)
        self._prepared = True
        self._check()
        try:
            await self._tools.aws.call("ec2", "start_instances", InstanceIds=[self._id])
        except (AwsSilent, ProviderTimeout):
            if (await self._tools.roster.find(self._id)).instance.power not in (Power.STARTING, Power.RUNNING):
                raise
        self._tools.taken.pop(self._id, None)
        self._tools.roster.expect(Power.STARTING, instance, word)
        await self._show()

    async def _become(self, instance_type: str) -> None:
        """Changes the type of the stopped machine; a tag says what it was, for whoever starts it next."""
        if instance_type == self._type:
            return
        home = self._situation.kind.instance_type
        if instance_type != home:
            await self._tag({tags.HOME_TYPE: home})
        wanted = {"Value": instance_type}
        try:
            await self._tools.aws.call("ec2", "modify_instance_attribute", InstanceId=self._id, InstanceType=wanted)
        except AwsError as error:
            if type(error) is not AwsError:
                raise
            raise AwsCapacity(error.operation, error.code, f"it cannot become {instance_type}") from error
        self._type = instance_type
        if instance_type == home:
            tag = [{"Key": tags.HOME_TYPE}]
            await self._tools.aws.call("ec2", "delete_tags", Resources=[self._id], Tags=tag)

    async def _go_home(self, home: str) -> None:
        """A machine that is off after all gets its own type back, so that whoever starts it next finds it as it was."""
        try:
            await self._become(home)
        except ProviderError as error:
            log.warning("machine %s could not be given back its type %s: %s", self._id, home, error)

    async def _make(self, step: Step, instance: Instance) -> None:
        """Makes another machine. Raises NoCapacity, since this one stays off."""
        self._check()
        tools = self._tools
        made = await create(
            tools.aws,
            tools.options,
            f"{self._id} {instance.launched_at:.0f} {step.kind}",
            zone=step.zone,
            instance_type=step.instance_type,
            spot=step.spot,
            snapshot=await newest_copy(tools.aws, tools.options, instance.pool, self._young_since),
            pool=instance.pool,
        )
        log.warning("machine %s: made %s instead, %s", self._id, made, step.kind)
        await asyncio.gather(tools.keys.write(made, instance.arn.replace(instance.id, made)), tools.arm(made))
        tools.roster.expect_new(made, instance, step.kind)
        await self._show()
        raise MadeInstead(sentences.made_instead(step))

    async def _look_around(self, instance: Instance) -> Situation:
        """The situation with all that making a machine depends on."""
        tools, now = self._tools, self._tools.clock.now()
        everywhere = [machine.instance for machine in tools.roster.machines.values()]
        pool = [i for i in everywhere if i.pool == instance.pool and i.power is not Power.TERMINATED]
        mates = [i for i in pool if i.id != self._id]
        spare = any(
            i.power is Power.STOPPED and not i.interrupted and now >= tools.taken.get(i.id, 0.0) + TAKEN_LATELY for i in mates
        )
        others = frozenset(Kind(i.home_type or i.instance_type, i.zone, i.spot) for i in mates)
        copy = await newest_copy(tools.aws, tools.options, instance.pool, self._young_since) is not None
        return replace(self._situation, machines=len(pool), others=others, spare=spare, copy=copy)

    @property
    def _young_since(self) -> float:
        return self._tools.clock.now() - self._tools.options.plan.snapshot_days * _DAY

    def _end(self, instance: Instance) -> ProviderError:
        if instance.power is Power.STOPPING:
            return ProviderError(f'Machine "{self._id}" is still stopping; it can be started once it has stopped.')
        if self._situation.fixed:
            return NoCapacity(sentences.INTERRUPTED)
        return NoCapacity(sentences.all_taken(self._tried))

    async def _show(self) -> None:
        """Looks at what an accepted order has led to; where AWS does not say, it is followed until it does."""
        try:
            await self._tools.roster.look()
        except ProviderError as error:
            log.warning("machine %s was told to start; AWS does not say yet how far it is: %s", self._id, error)

    async def _tag(self, pairs: dict[str, str]) -> None:
        await self._tools.aws.call("ec2", "create_tags", Resources=[self._id], Tags=tags.as_list(pairs))

    async def _pause(self, seconds: float) -> None:
        await pause(self._tools.clock, seconds, self.halt)
        self._check()

    def _check(self) -> None:
        if self.halt.is_set():
            raise Halted("The machine was told to stop before it had started.")
