"""The system disk of a machine that sleeps, exchanged for one made from another image.

The instance stays what it is: its id, its disk with the models, its tags, alarm and rights. Nothing is started, so this costs
no hour of a GPU and takes no machine from anybody, and AWS itself refuses it for one that has just been woken. Each step is
found out from what AWS shows and is safe to repeat, so that whoever was interrupted goes on.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from wake_service.aws import tags
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.errors import AwsError, AwsNotFound, AwsWrongState
from wake_service.errors import ProviderError, ProviderTimeout
from wake_service.images.facts import Image
from wake_service.providers.ec2.instance import INTERRUPTED

T = TypeVar("T")
Tell = Callable[[str], None]

#: How long AWS may take to make, detach or attach a disk, and between two looks; in seconds.
DISK_SECONDS, LOOK_SECONDS = 300.0, 2.0
_ROOT_IS_BUSY = frozenset({"OperationNotPermitted"})


class StillAwake(ProviderError):
    """The machine does not sleep, so its disk stays; it is to be asked again."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A system disk that is, was, or will be a machine's. `state` is AWS's word."""

    id: str
    machine_id: str
    image: str
    state: str
    gib: int = 0


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A machine of the pool. `image` is what its system disk was made from; None while it has none. `kept`: whether its disk
    goes when the machine is deleted, as it should. `spare`: system disks of its that are not attached."""

    id: str
    state: str
    zone: str
    device: str
    launched_image: str
    disk: Disk | None = None
    interrupted: bool = False
    goes_along: bool = True
    spare: tuple[Disk, ...] = ()

    @property
    def image(self) -> str | None:
        """The image it boots from."""
        return None if self.disk is None else self.disk.image

    @property
    def asleep(self) -> bool:
        """Whether its disk may be exchanged now. AWS starts a machine that it has interrupted by itself."""
        return self.state == "stopped" and not self.interrupted

    @property
    def word(self) -> str:
        """Its state, for the admin."""
        return "taken back by AWS" if self.interrupted else self.state

    def settled_on(self, image: str) -> bool:
        """Whether nothing is left to be done for it."""
        return self.image == image and self.goes_along and not self.spare


async def list_sleepers(aws: Aws, deployment: str, pool: str) -> list[Sleeper]:
    """The pool's machines with their system disks, by id. Raises AwsError, ProviderTimeout or NoCredentials."""
    ours = {"Name": f"tag:{tags.DEPLOYMENT}", "Values": [deployment]}
    pages = await aws.pages("ec2", "describe_instances", Filters=[ours, {"Name": f"tag:{tags.POOL}", "Values": [pool]}])
    described = [one for page in pages for entry in page["Reservations"] for one in entry["Instances"]]
    alive = [one for one in described if one["State"]["Name"] not in ("terminated", "shutting-down")]
    roots = [disk for one in alive if (disk := _root(one).get("VolumeId"))]
    pages = await aws.pages("ec2", "describe_volumes", Filters=[ours])
    volumes = {one["VolumeId"]: one for page in pages for one in page["Volumes"]}
    if strange := sorted(set(roots) - set(volumes)):
        pages = await aws.pages("ec2", "describe_volumes", Filters=[{"Name": "volume-id", "Values": strange}])
        volumes |= {one["VolumeId"]: one for page in pages for one in page["Volumes"]}
    return sorted((read_sleeper(one, volumes.values()) for one in alive), key=lambda sleeper: sleeper.id)


def read_sleeper(described: Answer, volumes: Iterable[Answer]) -> Sleeper:
    """A machine as AWS describes it, with those of its system disks that are among the volumes."""
    machine_id, launched = described["InstanceId"], described["ImageId"]
    root = _root(described)
    known = {volume["VolumeId"]: volume for volume in volumes}
    attached = known.get(root.get("VolumeId", ""))
    spare = [
        _disk(volume, machine_id, launched)
        for volume in known.values()
        if tags.as_dict(volume.get("Tags")).get(tags.SYSTEM_OF) == machine_id and volume["State"] in ("available", "creating")
    ]
    return Sleeper(
        id=machine_id,
        state=described["State"]["Name"],
        zone=described["Placement"]["AvailabilityZone"],
        device=described.get("RootDeviceName") or "/dev/sda1",
        launched_image=launched,
        disk=None if attached is None else _disk(attached, machine_id, launched),
        interrupted=(described.get("StateReason") or {}).get("Code") in INTERRUPTED,
        goes_along=not root or bool(root.get("DeleteOnTermination")),
        spare=tuple(sorted(spare, key=lambda disk: disk.id)),
    )


def _root(described: Answer) -> dict[str, Any]:
    device = described.get("RootDeviceName") or "/dev/sda1"
    mapping = (one for one in described.get("BlockDeviceMappings") or () if one["DeviceName"] == device)
    return next((one.get("Ebs") or {} for one in mapping), {})


def _disk(volume: Answer, machine_id: str, launched: str) -> Disk:
    image = tags.as_dict(volume.get("Tags")).get(tags.SYSTEM_IMAGE) or launched
    return Disk(volume["VolumeId"], machine_id, image, volume["State"], int(volume.get("Size") or 0))


class Exchange:
    """Exchanges system disks of one pool's machines. `tell` hears of each step."""

    def __init__(self, aws: Aws, deployment: str, pool: str, tell: Tell) -> None:
        self._aws = aws
        self._deployment = deployment
        self._pool = pool
        self._tell = tell

    async def find(self, machine_id: str) -> Sleeper | None:
        """The machine as it is now; None when it is gone."""
        found = await list_sleepers(self._aws, self._deployment, self._pool)
        return next((sleeper for sleeper in found if sleeper.id == machine_id), None)

    async def bring(self, machine_id: str, image: Image, *, keep_old: bool = False) -> None:
        """Lets a machine that sleeps boot from this image the next time; with `keep_old` the disk before stays beside it.

        Raises StillAwake when it does not sleep, ProviderError when it is gone or AWS refuses. Whoever is interrupted between
        taking the old disk and giving the new one is not let go before that is done.
        """
        sleeper = await self._known(machine_id)
        try:
            if sleeper.image != image.id:
                disk = await self._prepare(sleeper, image)
                await finish_first(self._replace(machine_id, disk, image))
        except StillAwake:
            await self._settle(await self._known(machine_id), keep_old=False)
            raise
        await self._settle(await self._known(machine_id), keep_old)

    async def _known(self, machine_id: str) -> Sleeper:
        sleeper = await self.find(machine_id)
        if sleeper is None:
            raise ProviderError(f"The machine {machine_id} is gone, so its disk cannot be exchanged.")
        return sleeper

    async def _prepare(self, sleeper: Sleeper, image: Image) -> str:
        """A disk of that image in the machine's zone, ready to be attached: the one it had before, if it is still there."""
        if not sleeper.asleep:
            raise StillAwake(f"{sleeper.id} is {sleeper.word}: its system disk is exchanged when it sleeps.")
        there = next((disk.id for disk in sleeper.spare if disk.image == image.id), None)
        if there is None:
            there = await self._make(sleeper, image)
        await self._until(there, "available", "made")
        return there

    async def _make(self, sleeper: Sleeper, image: Image) -> str:
        tagged = {tags.DEPLOYMENT: self._deployment, tags.SYSTEM_OF: sleeper.id, tags.SYSTEM_IMAGE: image.id}
        answer = await self._aws.call(
            "ec2",
            "create_volume",
            SnapshotId=image.snapshot,
            AvailabilityZone=sleeper.zone,
            VolumeType="gp3",
            Size=max(image.gib, *(disk.gib for disk in (sleeper.disk, *sleeper.spare) if disk is not None), 1),
            Encrypted=True,
            ClientToken=secrets.token_hex(32),
            TagSpecifications=[{"ResourceType": "volume", "Tags": tags.as_list({"Name": self._deployment, **tagged})}],
        )
        made: str = answer["VolumeId"]
        return made

    async def _replace(self, machine_id: str, new: str, image: Image) -> None:
        """From here to its end the machine has no system disk for some seconds; AWS does not start it meanwhile."""
        sleeper = await self._known(machine_id)
        if sleeper.disk is not None:
            await self._remember(sleeper.disk)
            await self._detach(sleeper, sleeper.disk)
            await self._until(sleeper.disk.id, "available", "taken off")
        await self._attach(sleeper, new)
        # Its certificate was on the disk before; nobody is to take the next one for a stranger's.
        await self._aws.call("ec2", "delete_tags", Resources=[machine_id], Tags=[{"Key": tags.FINGERPRINT}])
        self._tell(f"{machine_id}: boots from {image.id} from now on.")

    async def _remember(self, disk: Disk) -> None:
        """Writes on a disk whose it was, so that it is found again when it is attached to nothing."""
        pairs = {tags.DEPLOYMENT: self._deployment, tags.SYSTEM_OF: disk.machine_id, tags.SYSTEM_IMAGE: disk.image}
        await self._aws.call("ec2", "create_tags", Resources=[disk.id], Tags=tags.as_list(pairs))

    async def _detach(self, sleeper: Sleeper, disk: Disk) -> None:
        try:
            await self._aws.call("ec2", "detach_volume", VolumeId=disk.id, InstanceId=sleeper.id, Device=sleeper.device)
        except AwsError as error:
            now = await self._known(sleeper.id)
            if now.disk is None:
                return  # an answer was lost
            if (isinstance(error, AwsWrongState) or error.code in _ROOT_IS_BUSY) and not now.asleep:
                raise StillAwake(f"{sleeper.id} was woken just now; it keeps its disk until it sleeps again.") from error
            raise

    async def _attach(self, sleeper: Sleeper, disk_id: str) -> None:
        try:
            await self._aws.call("ec2", "attach_volume", VolumeId=disk_id, InstanceId=sleeper.id, Device=sleeper.device)
        except AwsError:
            now = await self._known(sleeper.id)
            if now.disk is None or now.disk.id != disk_id:
                raise
        await self._until(disk_id, "in-use", "attached")

    async def _settle(self, sleeper: Sleeper, keep_old: bool) -> None:
        if not sleeper.goes_along:
            goes = [{"DeviceName": sleeper.device, "Ebs": {"DeleteOnTermination": True}}]
            await self._aws.call("ec2", "modify_instance_attribute", InstanceId=sleeper.id, BlockDeviceMappings=goes)
        for disk in () if keep_old or sleeper.disk is None else sleeper.spare:
            try:
                await self._aws.call("ec2", "delete_volume", VolumeId=disk.id)
            except AwsNotFound:
                continue

    async def _until(self, disk_id: str, state: str, what: str) -> None:
        """Waits until AWS shows the disk so."""
        until = self._aws.clock.now() + DISK_SECONDS
        while True:
            try:
                found = (await self._aws.call("ec2", "describe_volumes", VolumeIds=[disk_id]))["Volumes"][0]["State"]
            except AwsNotFound:
                found = "not listed yet"
            if found == state:
                return
            if found == "error" or self._aws.clock.now() >= until:
                raise ProviderTimeout(
                    f"The disk {disk_id} was not {what} within {DISK_SECONDS / 60:.0f} minutes ({found}). Say the same again: "
                    "it goes on where it stopped."
                )
            await self._aws.clock.sleep(LOOK_SECONDS)


async def finish_first(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives. Whoever is cancelled meanwhile is so when the work is done, not in the midst of it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error from None
        raise
