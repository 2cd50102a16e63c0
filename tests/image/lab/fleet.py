"""Containers behind the instances of the stand-in: they boot when EC2 says so, and EC2 hears when they are off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from moto.ec2.models.instances import Instance

from tests.aws.cloud import GUARD_PORT, Cloud
from tests.aws.cloud.network import lets_in
from tests.aws.cloud.server import Server
from tests.image.lab.container import Container
from tests.image.lab.forwarding import Forwarder, free_address
from tests.image.lab.leftovers import Leftovers
from tests.image.lab.machine import Machine, exited
from tests.image.lab.metadata import MetadataService
from tests.image.lab.network import Network
from tests.image.lab.roots import Disk, Layers
from wake_service.agent.wire import Notice

#: Where a machine finds AWS: on its own loopback, since it has no other network.
AWS_PORT = 4566
SSH_PORT = 22
HALT_SECONDS = 90.0
#: Puts onto a mounted disk what is no part of an image: `(machine, instance)`.
Preparation = Callable[[Machine, Instance], None]


class Fleet:
    """All machines by instance id. `prepare` runs before each boot; `images` are the layers of each AMI."""

    def __init__(self, cloud: Cloud, leftovers: Leftovers, images: dict[str, Layers], prepare: Preparation) -> None:
        self.machines: dict[str, Machine] = {}
        self.images = images
        self.server: Server | None = None
        #: Folders of this computer that building machines see, by the path under which they do.
        self.shown: dict[Path, str] = {}
        self._cloud = cloud
        self._leftovers = leftovers
        self._prepare = prepare
        self._metadata: dict[str, MetadataService] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: list[BaseException] = []
        cloud.ec2.listeners.append(self._heard)
        cloud.ec2.image_listeners.append(self._imaged)

    def of(self, instance_id: str) -> Machine:
        """The machine of an instance, off before its first boot."""
        if instance_id not in self.machines:
            layers = self.images[self._cloud.instance(instance_id).image_id]
            disk = Disk(self._leftovers.folder / "disks" / instance_id, layers)
            self.machines[instance_id] = Machine(instance_id, disk, Container(instance_id, disk.root, self._leftovers))
        return self.machines[instance_id]

    # What the cloud asks of what is behind it

    def notify(self, instance_id: str, notice: Notice) -> None:
        """Its metadata say so from now on."""
        if instance_id in self._metadata:
            self._metadata[instance_id].notice = notice

    def cut_off(self) -> None:
        """Every connection from outside breaks."""
        for machine in self.machines.values():
            for forwarder in machine.forwarders:
                forwarder.cut()

    async def close(self) -> None:
        """Pulls every plug. Raises what broke unseen."""
        for machine in self.machines.values():
            if machine.on:
                machine.container.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.check()

    def check(self) -> None:
        """Raises what broke unseen."""
        if self._broken:
            raise self._broken[0]

    def _heard(self, instance_id: str, state: str, forced: bool) -> None:
        instance = self._cloud.instance(instance_id)
        if state == "running":
            machine = self.of(instance_id)
            machine.address = free_address({other.address for other in self.machines.values()}, GUARD_PORT)
            instance.nics[0].public_ip = machine.address
            self._spawn(self._switch_on(machine, instance))
        elif state == "stopping":
            self._cloud.ec2.life(instance_id).stuck = True  # it has stopped when its container has
            self._spawn(self._switch_off(self.of(instance_id), forced))
        elif state == "stopped":
            instance.nics[0].public_ip = None
        elif state == "shutting-down":
            self._spawn(self._switch_off(self.of(instance_id), True))

    def _imaged(self, instance_id: str, image_id: str) -> None:
        machine = self.of(instance_id)
        assert not machine.on, "an image of a machine that is on would hold half of what it writes"
        self.images[image_id] = machine.disk.freeze(self._leftovers.folder / "images" / image_id)

    async def _switch_on(self, machine: Machine, instance: Instance) -> None:
        async with machine.order:
            if self._cloud.state(machine.instance_id) != "running":
                return
            machine.network = network = Network()
            machine.boots += 1
            endings = await self._open_ways(machine, instance, network)
            machine.disk.mount()
            await asyncio.to_thread(self._prepare, machine, instance)
            shown = self.shown if instance.key_name else {}
            pid = machine.container.start(network.path, shown | machine.shown)
        self._spawn(self._follow(machine, pid, endings))

    async def _open_ways(
        self, machine: Machine, instance: Instance, network: Network
    ) -> list[Callable[[], Coroutine[Any, Any, Any]]]:
        """The ways into it from outside, and what it finds on its own network."""
        assert self.server is not None
        metadata = self._metadata[machine.instance_id] = MetadataService(self._cloud, machine.instance_id)
        await metadata.start(network)
        aws = await self.server.also_at(network.listener("127.0.0.1", AWS_PORT))
        for port in (GUARD_PORT, SSH_PORT):
            forwarder = Forwarder(network, port, lambda peer, port=port: lets_in(instance, peer, port))
            await forwarder.start(machine.address)
            machine.forwarders.append(forwarder)
        return [metadata.stop, aws.stop, *(forwarder.stop for forwarder in machine.forwarders)]

    async def _follow(self, machine: Machine, pid: int, endings: list[Callable[[], Coroutine[Any, Any, Any]]]) -> None:
        """Until it is off, by whatever cause; then the cloud hears of it."""
        await exited(pid)
        await asyncio.to_thread(machine.container.wait_for_end)
        for ending in endings:
            await ending()
        machine.forwarders.clear()
        if machine.network is not None:
            machine.network.close()
            machine.network = None
        machine.disk.unmount()
        machine.address = ""
        state = self._cloud.state(machine.instance_id)
        if state == "running":
            self._cloud.power_off(machine.instance_id)
        elif state == "stopping":
            self._cloud.unstick(machine.instance_id)

    async def _switch_off(self, machine: Machine, forced: bool) -> None:
        async with machine.order:
            if machine.on:
                machine.container.kill() if forced else machine.container.halt()
            elif self._cloud.state(machine.instance_id) == "stopping":
                self._cloud.unstick(machine.instance_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken.append(error)
