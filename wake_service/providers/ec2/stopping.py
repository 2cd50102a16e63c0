"""Orders to stop machines, also one that AWS takes only later: it refuses to stop a machine that has not started yet."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound, AwsSilent, AwsWrongState
from wake_service.background import Background
from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.providers.base import Power
from wake_service.providers.ec2.instance import Instance
from wake_service.providers.ec2.listing import no_such_machine
from wake_service.providers.ec2.options import Deadlines
from wake_service.providers.ec2.roster import Roster

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Later:
    force: bool
    until: float


class Stops:
    """Carries out stops; those of machines that still start are carried out as soon as AWS takes them."""

    def __init__(self, aws: Aws, roster: Roster, deadlines: Deadlines) -> None:
        self._aws = aws
        self._roster = roster
        self._deadlines = deadlines
        self._later: dict[str, _Later] = {}
        self._background = Background(log)
        roster.on_look = self._carry_on

    async def stop(self, machine_id: str, *, force: bool) -> None:
        """Returns once AWS has accepted the order, or will be told as soon as the machine has started."""
        instance = (await self._roster.find(machine_id)).instance
        if instance.power is Power.STARTING:
            self._remember(machine_id, force)
        elif instance.power is Power.RUNNING or (force and instance.power is Power.STOPPING):
            await self._order(instance, force)

    def forget(self, machine_id: str) -> None:
        """The machine is wanted again: the newest order counts."""
        self._later.pop(machine_id, None)

    async def close(self) -> None:
        """Ends what is under way."""
        await self._background.cancel()

    def _remember(self, machine_id: str, force: bool) -> None:
        self._later[machine_id] = _Later(force, self._aws.clock.now() + self._deadlines.pending)

    def _carry_on(self) -> None:
        for machine_id, later in list(self._later.items()):
            machine = self._roster.machines.get(machine_id)
            if machine is not None and machine.instance.power is Power.STARTING:
                if self._aws.clock.now() >= later.until:
                    log.error("machine %s has been starting for too long to be stopped; AWS has to be asked", machine_id)
                    del self._later[machine_id]
                continue
            del self._later[machine_id]
            if machine is not None and machine.instance.power is Power.RUNNING:
                self._background.spawn(self._order_later(machine.instance, later.force))

    async def _order_later(self, instance: Instance, force: bool) -> None:
        try:
            await self._order(instance, force)
        except ProviderError as error:
            log.error("machine %s was to stop as soon as it had started, and did not: %s", instance.id, error)

    async def _order(self, instance: Instance, force: bool) -> None:
        try:
            await self._aws.call("ec2", "stop_instances", InstanceIds=[instance.id], Force=force)
        except AwsNotFound as error:
            raise no_such_machine(instance.id) from error
        except AwsWrongState:
            if not await self._is_on(instance, force):
                return
            raise
        except (AwsSilent, ProviderTimeout):
            if (await self._roster.find(instance.id)).instance.power in (Power.STARTING, Power.RUNNING):
                raise
        self._roster.expect(Power.STOPPING, instance)

    async def _is_on(self, instance: Instance, force: bool) -> bool:
        """What AWS's list says after it refused to stop the machine; one that is starting is stopped later."""
        power = (await self._roster.find(instance.id)).instance.power
        if power is Power.STARTING:
            self._remember(instance.id, force)
        return power is Power.RUNNING
