"""All machines of the deployment: AWS's list is asked here, and only here, and followed while a machine is on its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from wake_service.aws.clients import Aws
from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.providers.announcements import Announcements
from wake_service.providers.base import BootStage, Power, Sighting, Traits
from wake_service.providers.ec2.belief import Expectation, believed
from wake_service.providers.ec2.capacity import Kind
from wake_service.providers.ec2.instance import Instance
from wake_service.providers.ec2.keys import Keys
from wake_service.providers.ec2.line import Dial
from wake_service.providers.ec2.listing import Listing, list_instances, no_such_machine
from wake_service.providers.ec2.machine import Ec2Machine, Price, Surroundings
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.rule import WayIn
from wake_service.providers.ec2.waits import pause

log = logging.getLogger(__name__)

Disarm = Callable[[str], Awaitable[None]]

#: How long AWS may fail to list a machine that is there, in seconds; after that it is gone.
_UNLISTED = 60.0


class Roster:
    """Machines by id, and the one who hears of them. One question to AWS is an answer for all."""

    def __init__(
        self,
        aws: Aws,
        options: Ec2Options,
        clock: Clock,
        keys: Keys,
        way_in: WayIn,
        dial: Dial,
        price: Price,
        disarm: Disarm,
    ) -> None:
        self._aws = aws
        self._options = options
        self._clock = clock
        self._disarm = disarm
        self._background = Background(log)
        self._announcements = Announcements()
        self._around = Surroundings(
            options, clock, keys, way_in, dial, price, self._announcements.say, self.look, self._background
        )
        self._expected: dict[str, Expectation] = {}
        self._unlisted: dict[str, float] = {}
        self._missed: dict[str, float] = {}
        self._buried: set[str] = set()
        self._asked_at = -1.0
        self._unsettled = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._closed = False
        self.machines: dict[str, Ec2Machine] = {}
        #: Called after each look at AWS's list.
        self.on_look: Callable[[], None] = lambda: None

    async def look(self) -> Listing:
        """AWS's list now, as believed; what is news in it is announced. Raises ProviderError."""
        listing = await list_instances(self._aws, self._options.deployment)
        now = self._clock.now()
        self._expected = {id: expected for id, expected in self._expected.items() if now < expected.until}
        instances = {id: believed(found, self._expected.get(id), now) for id, found in listing.instances.items()}
        listing = replace(listing, instances=instances)
        if listing.asked_at >= self._asked_at and not self._closed:
            self._asked_at = listing.asked_at
            self._take(listing)
        return listing

    async def find(self, machine_id: str) -> Ec2Machine:
        """The machine, freshly looked at. Raises ProviderError when there is none, or AWS does not say."""
        await self.look()
        try:
            return self.machines[machine_id]
        except KeyError:
            raise no_such_machine(machine_id) from None

    async def known(self, machine_id: str) -> Ec2Machine:
        """The machine as far as is known; looked for only when it is not."""
        return self.machines.get(machine_id) or await self.find(machine_id)

    def expect(self, power: Power, before: Instance, word: str | None = None) -> None:
        """AWS has accepted an order; until its list shows that, the order is believed."""
        until = self._clock.now() + self._options.deadlines.late
        expected = self._expected[before.id] = Expectation(power, before, until, word)
        machine = self.machines.get(before.id)
        if machine is not None:
            machine.see(believed(machine.instance, expected, self._clock.now()))
            machine.announce()
        self._settle()

    def expect_new(self, machine_id: str, like: Instance, kind: Kind) -> None:
        """A machine was made; it is announced although AWS may not list it yet."""
        if machine_id in self.machines:
            return
        self._unlisted[machine_id] = self._clock.now() + _UNLISTED
        price = self._around.price(kind.instance_type, kind.spot)
        traits = Traits(like.pool, kind.instance_type, kind.zone, kind.spot, price)
        self._announcements.say(Sighting(machine_id, Power.STARTING, self._clock.now(), stage=BootStage.STARTING, traits=traits))
        self._settle()

    async def adopted(self) -> None:
        """Waits, not for long, until machines that run have been asked whether their engine answers."""
        lines = [machine.line for machine in self.machines.values() if machine.line is not None]
        seconds = self._options.deadlines.adopt
        await asyncio.gather(*(pause(self._clock, seconds, line.tried) for line in lines))

    def watch(self) -> AsyncIterator[Sighting]:
        """As Provider.watch."""
        return self._announcements.watch()

    async def close(self) -> None:
        """Lets go of lines and ends the following."""
        self._closed = True
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._background.cancel()
        await asyncio.gather(*(line.close() for machine in self.machines.values() if (line := machine.close()) is not None))
        self._announcements.close()

    def _take(self, listing: Listing) -> None:
        for id, instance in listing.instances.items():
            self._unlisted.pop(id, None)
            self._missed.pop(id, None)
            machine = self.machines.get(id)
            if machine is None:
                machine = self.machines[id] = Ec2Machine(self._around, instance)
                machine.announce(anew=True)
            else:
                machine.see(instance)
                machine.announce()
            if instance.power is Power.TERMINATED:
                self._bury_once(id)
        for id in [id for id in self.machines if id not in listing.instances]:
            self._miss(id)
        self._settle()
        self.on_look()

    def _miss(self, machine_id: str) -> None:
        """AWS does not list it any more: it was terminated a while ago, whether that was seen or not."""
        machine, now = self.machines[machine_id], self._clock.now()
        gone = machine.instance.power is Power.TERMINATED
        if not gone and now < self._missed.setdefault(machine_id, now) + _UNLISTED:
            return
        machine.see(replace(machine.instance, power=Power.TERMINATED, reason=None))
        machine.announce()
        self._missed.pop(machine_id, None)
        self._bury_once(machine_id)
        self._buried.discard(machine_id)
        del self.machines[machine_id]

    def _bury_once(self, machine_id: str) -> None:
        if machine_id not in self._buried:
            self._buried.add(machine_id)
            for remove in (self._around.keys.remove, self._disarm):
                self._background.spawn(self._bury(machine_id, remove))

    async def _bury(self, machine_id: str, remove: Disarm) -> None:
        """What a machine that is gone leaves behind is its key and its alarm; what does not go now is cleared away later."""
        try:
            await remove(machine_id)
        except ProviderError as error:
            log.warning("What machine %s, which is gone, leaves behind could not be removed yet: %s", machine_id, error)

    def _settle(self) -> None:
        now = self._clock.now()
        self._unlisted = {id: until for id, until in self._unlisted.items() if now < until}
        if self._unlisted or any(machine.unsettled for machine in self.machines.values()):
            self._unsettled.set()
            if self._following is None and not self._closed:
                self._following = asyncio.ensure_future(self._follow())
        else:
            self._unsettled.clear()

    async def _follow(self) -> None:
        """Looks while something is on its way, unless somebody else has just looked."""
        period = self._options.deadlines.follow
        while True:
            await self._unsettled.wait()
            due = self._asked_at + period
            if self._clock.now() < due:
                await self._clock.sleep(due - self._clock.now())
                continue
            try:
                await self.look()
            except ProviderError as error:
                log.warning("Machines are on their way, and AWS does not say how far: %s", error)
                await self._clock.sleep(period)
