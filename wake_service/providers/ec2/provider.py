"""EC2 machines behind the provider's contract, and the ground of the reaper."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from wake_service.agent.wire import Hold, Report
from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import ProviderError
from wake_service.providers.base import Door, Kept, Power, Sighting
from wake_service.providers.ec2.keys import Keys
from wake_service.providers.ec2.line import Dial, Line, dial_guard
from wake_service.providers.ec2.listing import no_such_machine
from wake_service.providers.ec2.machine import Price
from wake_service.providers.ec2.options import Ec2Options
from wake_service.providers.ec2.roster import Disarm, Roster
from wake_service.providers.ec2.rule import Address, WayIn, public_address
from wake_service.providers.ec2.starting import Arm, Start, Tools
from wake_service.providers.ec2.stopping import Stops
from wake_service.providers.ec2.waits import within
from wake_service.providers.leases import Holding, Inventory, Probe

log = logging.getLogger(__name__)


def free_of_charge(instance_type: str, spot: bool) -> int:
    """For whoever does not care what machines cost."""
    return 0


async def unwatched(machine_id: str) -> None:
    """For machines without an alarm of their own."""


class Ec2Provider:
    """Machines that are EC2 instances with our deployment's tag; a machine's id is its instance id.

    It implements Provider and Leased. `dial` reaches a machine's agent, `address` says which address we are seen to come
    from, `price` what an hour costs in millionths of the currency unit; `arm` is awaited before every start of a machine, and
    raises nothing; `disarm` is, when one is gone for good, and may raise ProviderError.
    """

    def __init__(
        self,
        aws: Aws,
        options: Ec2Options,
        clock: Clock,
        dial: Dial = dial_guard,
        *,
        address: Address = public_address,
        price: Price = free_of_charge,
        arm: Arm = unwatched,
        disarm: Disarm = unwatched,
        name: str = "ec2",
    ) -> None:
        self.name = name
        self._aws = aws
        self._options = options
        self._clock = clock
        self._dial = dial
        self._keys = Keys(aws, options)
        self._way_in = WayIn(aws, options, address)
        self._roster = Roster(aws, options, clock, self._keys, self._way_in, dial, price, disarm)
        self._stops = Stops(aws, self._roster, options.deadlines)
        self._tools = Tools(aws, options, clock, self._keys, self._roster, arm, {})
        self._starts: dict[str, tuple[Start, asyncio.Task[None]]] = {}
        self._background = Background(log)

    async def machines(self) -> list[Sighting]:
        listing = await self._roster.look()
        await self._roster.adopted()
        return [machine.sighting() for id, machine in self._roster.machines.items() if id in listing.instances]

    async def start(self, machine_id: str) -> None:
        """Asks for a start, waiting out a stop and walking the capacity plan; safe to repeat, also while that goes on.

        Raises NoCapacity at the end of the plan, and when another machine was made and wakes instead.
        """
        self._stops.forget(machine_id)
        if machine_id not in self._starts:
            start = Start(self._tools, machine_id)
            task = asyncio.ensure_future(start.run())
            self._starts[machine_id] = start, task
            task.add_done_callback(lambda _: self._starts.pop(machine_id, None))
            self._background.spawn(self._open_way())
        await _outcome(self._starts[machine_id][1])

    async def stop(self, machine_id: str, *, force: bool = False) -> None:
        """Asks for a stop; a start under way ends first. A machine that AWS does not stop while it starts is stopped then."""
        if machine_id in self._starts:
            start, task = self._starts[machine_id]
            start.halt.set()
            await asyncio.wait({task})
        await self._stops.stop(machine_id, force=force)

    async def door(self, machine_id: str) -> Door:
        return await (await self._roster.known(machine_id)).engine_door()

    async def drain(self, machine_id: str, draining: bool) -> None:
        await (await self._lined(machine_id)).drain(draining)

    async def hand_over(self, machine_id: str) -> None:
        await (await self._lined(machine_id)).hand_over()

    async def prefetch(self, machine_id: str, models: Sequence[str]) -> None:
        await (await self._roster.known(machine_id)).prefetch(models)

    async def deliver(self, machine_id: str, name: str, data: bytes) -> str | None:
        return await (await self._lined(machine_id)).deliver(name, data)

    async def kept(self, machine_id: str, prompt_id: str) -> Kept | None:
        return await (await self._lined(machine_id)).kept(prompt_id)

    async def acknowledge(self, machine_id: str, prompt_ids: Sequence[str]) -> None:
        await (await self._lined(machine_id)).acknowledge(prompt_ids)

    def watch(self) -> AsyncIterator[Sighting]:
        return self._roster.watch()

    async def close(self) -> None:
        tasks = [task for _, task in self._starts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._background.cancel()
        await self._stops.close()
        await self._roster.close()

    async def inventory(self) -> Inventory:
        listing = await self._roster.look()
        if listing.at is None:
            raise ProviderError("AWS listed our machines, but did not say what time it is.")
        holdings = tuple(
            Holding(i.id, i.pool, i.power, i.launched_at, i.lease_until, i.hold_until) for i in listing.instances.values()
        )
        return Inventory(listing.at, holdings)

    async def renew(self, machine_id: str, *, lease_until: float, hold_until: float | None) -> None:
        pairs = {tags.LEASE_UNTIL: tags.moment_text(lease_until)}
        if hold_until is not None:
            pairs[tags.HOLD_UNTIL] = tags.moment_text(hold_until)
        try:
            await self._aws.call("ec2", "create_tags", Resources=[machine_id], Tags=tags.as_list(pairs))
            if hold_until is None:
                await self._aws.call("ec2", "delete_tags", Resources=[machine_id], Tags=[{"Key": tags.HOLD_UNTIL}])
        except AwsNotFound as error:
            raise no_such_machine(machine_id) from error
        machine = self._roster.machines.get(machine_id)
        if machine is not None and machine.line is not None:
            self._background.spawn(machine.line.hold(Hold(until=hold_until)))

    async def probe(self, machine_id: str) -> Probe:
        """Looks behind the guard over a link of its own, so that it does not believe what another one said earlier."""
        seconds = self._options.deadlines.probe
        try:
            report = await within(self._clock, seconds, self._ask(machine_id), f"No answer within {seconds:g} s.")
        except ProviderError as error:
            log.info("machine %s is silent: %s", machine_id, error)
            return Probe.SILENT
        return Probe.EMPTY if report.empty else Probe.WORKING

    async def _ask(self, machine_id: str) -> Report:
        machine = await self._roster.find(machine_id)
        if machine.instance.power is not Power.RUNNING:
            raise ProviderError(f'Machine "{machine_id}" is not up.')
        await self._way_in.open()
        link = await self._dial(await machine.door())
        try:
            async for report in link.reports():
                return report
        finally:
            await link.close()
        raise ProviderError("The machine closed the link without a word.")

    async def _lined(self, machine_id: str) -> Line:
        machine = await self._roster.known(machine_id)
        if machine.line is None:
            raise ProviderError(f'Machine "{machine_id}" is not up.')
        return machine.line

    async def _open_way(self) -> None:
        """Beside the start, which it does not hold up: it is needed when the machine has booted, and mended then if need be."""
        try:
            await self._way_in.open(look_again=True)
        except ProviderError as error:
            log.warning("The way in to the machines could not be opened: %s", error)


async def _outcome(task: asyncio.Task[None]) -> None:
    """What comes of a task that goes on when whoever waits for it does not."""
    await asyncio.wait({task})
    task.result()
