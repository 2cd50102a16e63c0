"""The machines behind the instances: they boot when EC2 says so, and are reached through the network."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moto.ec2.models.instances import Instance

from tests.aws.cloud.network import lets_in
from wake_service.agent.link import AgentLink, LinkBroken, WireLink
from wake_service.agent.memory import MemoryMachine
from wake_service.agent.wire import Notice
from wake_service.aws.tags import DEPLOYMENT, FINGERPRINT, READER, guard_parameter
from wake_service.providers.base import Door

if TYPE_CHECKING:
    from tests.aws.cloud.cloud import Cloud

HTTPS = 443


class Machines:
    """All machines that have ever booted, by instance id. Disks outlive a stop, as AWS's do."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._machines: dict[str, MemoryMachine] = {}
        self._links: list[tuple[MemoryMachine, WireLink]] = []
        cloud.ec2.listeners.append(self._heard)

    def of(self, instance_id: str) -> MemoryMachine:
        """The machine of an instance; off before its first boot."""
        if instance_id not in self._machines:
            self._cloud.instance(instance_id)
            self._machines[instance_id] = MemoryMachine(
                self._cloud.clock, name=instance_id, on_stop=lambda: self._cloud.power_off(instance_id)
            )
        return self._machines[instance_id]

    async def dial(self, door: Door) -> AgentLink:
        """Reaches the machine behind a door over the network, from the service's present address.

        Raises LinkBroken when nothing answers there or the security group keeps the service out, LinkRefused as a guard does.
        """
        place = urlsplit(door.url)
        instance = self._at(place.hostname or "")
        if instance is None or not lets_in(instance, self._cloud.address, place.port or HTTPS):
            if self._cloud.times.dial:
                await self._cloud.clock.sleep(self._cloud.times.dial)
            raise LinkBroken(f"Nothing answers at {door.url}.")
        machine = self.of(instance.id)
        link = machine.link(door.token or "", door.fingerprint or "")
        self._links.append((machine, link))
        return link

    def notify(self, instance_id: str, notice: Notice) -> None:
        """Its metadata say from now on that the cloud wants it back; nobody reads them while it is off."""
        machine = self.of(instance_id)
        if machine.life is not None:
            machine.give_notice(notice)

    def cut_off(self) -> None:
        """Every open connection to a machine breaks, as when the service's address changes."""
        links, self._links = self._links, []
        for machine, link in links:
            machine.detach(link)
            link.lose(LinkBroken(f"The connection to {machine.name} broke."))

    async def close(self) -> None:
        """Ends all machines."""
        for machine in self._machines.values():
            await machine.close()

    def _at(self, host: str) -> Instance | None:
        running = (instance for instance in self._cloud.ec2.every() if instance.state == "running")
        return next((instance for instance in running if host in (instance.public_ip, instance.public_dns_name)), None)

    def _heard(self, instance_id: str, state: str, forced: bool) -> None:
        if state in ("running", "rebooting"):
            machine, times = self.of(instance_id), self._cloud.times
            machine.times = replace(machine.times, guard=times.guard, booting=times.booting, engine=times.engine)
            machine.power_on(lambda: self._cloud.timeline.run(lambda: self._starts_guard(machine)))
        elif state != "pending" and instance_id in self._machines:
            self._machines[instance_id].power_off()

    def _starts_guard(self, machine: MemoryMachine) -> str:
        """What the guard does first: publishes its certificate, and reads the token of this wake if it may."""
        self._cloud.ec2.create_tags([machine.name], {FINGERPRINT: machine.fingerprint})
        self._cloud.ec2.changed()
        return self._token(self._cloud.instance(machine.name)) or secrets.token_hex(32)

    def _token(self, instance: Instance) -> str | None:
        ssm: Any = self._cloud.account.backend("ssm")
        deployment = self._cloud.tags(instance.id).get(DEPLOYMENT, "")
        parameter = ssm.get_parameter(guard_parameter(deployment, instance.id))
        if parameter is None or ssm.list_tags_for_resource("Parameter", parameter.name).get(READER) != self._cloud.arn(
            instance.id
        ):
            return None
        return str(parameter.decrypt(parameter.value))
