"""One image as AWS shows it: what it is made of, what is in it, when it was last seen to work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.errors import SetupError

#: For so long a check counts, in seconds: what an image needs from outside (rights, models, AWS itself) changes.
CHECK_COUNTS = 86_400.0
_NO_SUCH = frozenset({"InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"})


@dataclass(frozen=True, slots=True)
class Image:
    """`snapshot` is what its system disk is made of, `gib` that disk's size, `device` its name. `snapshots` are all of them."""

    id: str
    name: str
    device: str
    snapshot: str
    gib: int
    snapshots: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        """What is in it, by name, as far as it is tagged."""
        return {key.removeprefix(tags.VERSION): value for key, value in self.tags.items() if key.startswith(tags.VERSION)}

    @property
    def verified_at(self) -> float | None:
        """When a machine made from it last woke and painted (epoch seconds)."""
        return tags.read_moment(self.tags.get(tags.VERIFIED))

    def verified_lately(self, now: float) -> bool:
        """Whether its last check still counts."""
        return self.verified_at is not None and now - self.verified_at < CHECK_COUNTS


async def find_image(aws: Aws, deployment: str, image_id: str) -> Image:
    """The image, if machines of this deployment can be made from it. Raises SetupError saying why not, or AwsError."""
    try:
        found = (await aws.call("ec2", "describe_images", ImageIds=[image_id]))["Images"]
    except AwsNotFound:
        found = []
    except AwsError as error:
        if error.code not in _NO_SUCH:
            raise
        found = []
    if not found:
        raise SetupError(
            f"There is no image {image_id} in {aws.region}, or it belongs to another account. Nothing was changed. "
            "`wakebrush image build` makes one and says its id."
        )
    return read_image(found[0], deployment)


def read_image(described: dict[str, Any], deployment: str) -> Image:
    """The image that AWS describes so. Raises SetupError when no machine of the deployment can be made from it."""
    image_id, tagged = described["ImageId"], tags.as_dict(described.get("Tags"))
    if tagged.get(tags.DEPLOYMENT) != deployment:
        owner = tagged.get(tags.DEPLOYMENT)
        whose = f'is of the deployment "{owner}"' if owner else "has no tag of a deployment"
        raise SetupError(
            f'The image {image_id} {whose}, so no machine of "{deployment}" is made from it. Nothing was changed. Build one '
            f"(`wakebrush image build`), or tag it wakebrush={deployment} if you know what is in it."
        )
    if described.get("State") != "available":
        raise SetupError(
            f"The image {image_id} is in the state {described.get('State')}: no machine can be made from it. Wait until it is "
            "available, or build another one."
        )
    disks = {device["DeviceName"]: device["Ebs"] for device in described.get("BlockDeviceMappings") or () if "Ebs" in device}
    device = described.get("RootDeviceName") or ""
    if not disks.get(device, {}).get("SnapshotId"):
        raise SetupError(f"The image {image_id} has no system disk of its own (EBS): our machines cannot be made from it.")
    return Image(
        id=image_id,
        name=described.get("Name") or "",
        device=device,
        snapshot=disks[device]["SnapshotId"],
        gib=int(disks[device].get("VolumeSize") or 0),
        snapshots=tuple(disk["SnapshotId"] for disk in disks.values() if disk.get("SnapshotId")),
        tags=tagged,
    )


async def mark_verified(aws: Aws, image: Image) -> None:
    """Writes on the image that it works, as of now."""
    pairs = tags.as_list({tags.VERIFIED: tags.moment_text(aws.clock.now())})
    await aws.call("ec2", "create_tags", Resources=[image.id], Tags=pairs)
