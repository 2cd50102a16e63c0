"""Everything in the account that bears the deployment's tag: what it is, and the facts that its price depends on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from wake_service.aws import tags
from wake_service.aws.clients import Answer, Aws
from wake_service.aws.stack import belongs_to_stack

GIB = 1024**3
#: How many complete copies of a pool's models are of use: the newest, and one more, should that one turn out to be no good.
COPIES_KEPT = 2


class Kind(StrEnum):
    """What a thing is, in the words that an admin reads."""

    SPOT_REQUEST = "spot request"
    MACHINE = "machine"
    IMAGE = "image"
    SNAPSHOT = "snapshot"
    DISK = "disk"
    ADDRESS = "address"
    TOKEN = "guard token"
    ALARM = "alarm"
    SCHEDULE = "schedule"
    FILES = "shared files"
    BUCKET = "bucket"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of a deployment. `state` is AWS's own word; `used_by` is what it is attached to, or made of; `gib` its size."""

    kind: Kind
    id: str
    name: str = ""
    state: str = ""
    model: str = ""
    gib: float = 0.0
    spot: bool = False
    used_by: str = ""
    created_at: float = 0.0
    of_stack: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def paints(self) -> bool:
        """Whether it is a machine that paints, and not the one that the service runs on."""
        return self.kind is Kind.MACHINE and tags.POOL in self.tags


async def take_inventory(aws: Aws, deployment: str) -> list[Thing]:
    """Every tagged thing, those that cost money first. Raises AwsError at the first list that is refused."""
    things = [thing for look in _LISTS for thing in await look(aws, deployment)]
    known = {thing.id for thing in things}
    return [*things, *(thing for thing in await _by_tag(aws, deployment) if thing.id not in known)]


def strays(things: Iterable[Thing], images_in_use: frozenset[str]) -> list[tuple[Thing, str]]:
    """What costs money without being of use, each with the reason. `images_in_use`: what new machines are made from."""
    things = list(things)
    kept = {thing.id for thing in things if thing.kind is Kind.IMAGE and thing.id in images_in_use}
    copies = sorted((t for t in things if tags.COPY_OF in t.tags), key=lambda thing: thing.created_at, reverse=True)
    found = []
    for thing in things:
        if thing.kind is Kind.DISK and thing.state == "available":
            found.append((thing, "No machine has it."))
        elif thing.kind is Kind.ADDRESS and not thing.used_by:
            found.append((thing, "It is reserved, and points at nothing."))
        elif thing.kind is Kind.IMAGE and thing.id not in kept:
            found.append((thing, "New machines are made from another image."))
        elif thing.kind is Kind.SNAPSHOT and thing.used_by and thing.used_by not in kept:
            found.append((thing, f"It belongs to the image {thing.used_by}, which is not in use."))
        elif thing.kind is Kind.SNAPSHOT and not thing.used_by and (reason := _no_use(thing, copies)) is not None:
            found.append((thing, reason))
    return found


def _no_use(snapshot: Thing, copies: list[Thing]) -> str | None:
    """Why nothing is made from a snapshot of a disk; None for the newest copies of each pool's models (newest first)."""
    if tags.COPY_OF not in snapshot.tags:
        return "No image and no new machine is made from it."
    mates = [copy for copy in copies if copy.tags[tags.COPY_OF] == snapshot.tags[tags.COPY_OF]]
    return "There are newer copies of these models." if mates.index(snapshot) >= COPIES_KEPT else None


def _ours(deployment: str) -> list[dict[str, object]]:
    return [{"Name": f"tag:{tags.DEPLOYMENT}", "Values": [deployment]}]


async def list_machines(aws: Aws, deployment: str) -> list[Thing]:
    """The deployment's instances that are not terminated: those that paint, and the one of the service if it has one."""
    pages = await aws.pages("ec2", "describe_instances", Filters=_ours(deployment))
    described = [instance for page in pages for entry in page["Reservations"] for instance in entry["Instances"]]
    return [
        _thing(
            deployment,
            Kind.MACHINE,
            instance["InstanceId"],
            instance,
            state=instance["State"]["Name"],
            model=instance["InstanceType"],
            spot=instance.get("InstanceLifecycle") == "spot",
        )
        for instance in described
        if instance["State"]["Name"] != "terminated"
    ]


async def _spot_requests(aws: Aws, deployment: str) -> list[Thing]:
    pages = await aws.pages("ec2", "describe_spot_instance_requests", Filters=_ours(deployment))
    return [
        _thing(
            deployment,
            Kind.SPOT_REQUEST,
            request["SpotInstanceRequestId"],
            request,
            state=request["State"],
            used_by=request.get("InstanceId") or "",
        )
        for page in pages
        for request in page["SpotInstanceRequests"]
        if request["State"] not in {"cancelled", "closed", "failed"}
    ]


async def _disks(aws: Aws, deployment: str) -> list[Thing]:
    pages = await aws.pages("ec2", "describe_volumes", Filters=_ours(deployment))
    return [
        _thing(
            deployment,
            Kind.DISK,
            volume["VolumeId"],
            volume,
            state=volume["State"],
            model=volume["VolumeType"],
            gib=volume["Size"],
            used_by=next((attachment["InstanceId"] for attachment in volume.get("Attachments") or ()), ""),
        )
        for page in pages
        for volume in page["Volumes"]
    ]


async def _images(aws: Aws, deployment: str) -> list[Thing]:
    """Images, and the snapshots that they are made of, which need not have a tag of their own."""
    images = (await aws.call("ec2", "describe_images", Owners=["self"], Filters=_ours(deployment)))["Images"]
    made_of = {
        device["Ebs"]["SnapshotId"]: image["ImageId"]
        for image in images
        for device in image.get("BlockDeviceMappings") or ()
        if device.get("Ebs", {}).get("SnapshotId")
    }
    pages = await aws.pages("ec2", "describe_snapshots", OwnerIds=["self"])
    return [
        *(_thing(deployment, Kind.IMAGE, image["ImageId"], image, name=image.get("Name") or "") for image in images),
        *(
            _thing(
                deployment,
                Kind.SNAPSHOT,
                snapshot["SnapshotId"],
                snapshot,
                state=snapshot["State"],
                gib=snapshot["VolumeSize"],
                used_by=made_of.get(snapshot["SnapshotId"], ""),
                created_at=snapshot["StartTime"].timestamp(),
            )
            for page in pages
            for snapshot in page["Snapshots"]
            if snapshot["SnapshotId"] in made_of or tags.as_dict(snapshot.get("Tags")).get(tags.DEPLOYMENT) == deployment
        ),
    ]


async def _addresses(aws: Aws, deployment: str) -> list[Thing]:
    answer = await aws.call("ec2", "describe_addresses", Filters=_ours(deployment))
    return [
        _thing(
            deployment,
            Kind.ADDRESS,
            address["AllocationId"],
            address,
            name=address["PublicIp"],
            used_by=address.get("InstanceId") or address.get("NetworkInterfaceId") or "",
        )
        for address in answer["Addresses"]
    ]


async def _tokens(aws: Aws, deployment: str) -> list[Thing]:
    """Found by their path: one that was written a moment ago has no tag yet."""
    path = tags.guard_parameter(deployment, "")
    pages = await aws.pages(
        "ssm", "describe_parameters", ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": [path]}]
    )
    return [Thing(Kind.TOKEN, parameter["Name"]) for page in pages for parameter in page["Parameters"]]


async def _alarms(aws: Aws, deployment: str) -> list[Thing]:
    pages = await aws.pages("cloudwatch", "describe_alarms", AlarmNamePrefix=f"{deployment}-")
    found = []
    for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
        answer = await aws.call("cloudwatch", "list_tags_for_resource", ResourceARN=alarm["AlarmArn"])
        if tags.as_dict(answer["Tags"]).get(tags.DEPLOYMENT) == deployment:
            found.append(_thing(deployment, Kind.ALARM, alarm["AlarmName"], answer, state=alarm.get("StateValue") or ""))
    return found


async def _schedules(aws: Aws, deployment: str) -> list[Thing]:
    pages = await aws.pages("scheduler", "list_schedules", NamePrefix=f"{deployment}-")
    return [
        Thing(Kind.SCHEDULE, schedule["Name"], state=schedule.get("State") or "", used_by=schedule["GroupName"])
        for page in pages
        for schedule in page["Schedules"]
        if schedule["GroupName"] == deployment
    ]


async def _files(aws: Aws, deployment: str) -> list[Thing]:
    answer = await aws.call("efs", "describe_file_systems")
    return [
        _thing(
            deployment,
            Kind.FILES,
            system["FileSystemId"],
            system,
            state=system["LifeCycleState"],
            gib=system["SizeInBytes"]["Value"] / GIB,
        )
        for system in answer["FileSystems"]
        if tags.as_dict(system.get("Tags")).get(tags.DEPLOYMENT) == deployment
    ]


async def _by_tag(aws: Aws, deployment: str) -> list[Thing]:
    """What else has the tag: buckets with their size, and all that costs nothing by itself."""
    found = []
    async for entry in _tagged(aws, deployment):
        arn = entry["ResourceARN"]
        if arn.startswith("arn:aws") and ":s3:::" in arn:
            bucket = arn.rsplit(":", 1)[1]
            found.append(_thing(deployment, Kind.BUCKET, bucket, entry, gib=await bucket_gib(aws, bucket)))
        elif not arn.split(":", 5)[5].startswith(_LISTED):
            found.append(_thing(deployment, Kind.OTHER, arn.split(":", 5)[5], entry))
    return found


async def _tagged(aws: Aws, deployment: str) -> AsyncIterator[Answer]:
    token = ""
    while True:
        answer = await aws.call(
            "resourcegroupstaggingapi",
            "get_resources",
            TagFilters=[{"Key": tags.DEPLOYMENT, "Values": [deployment]}],
            **({"PaginationToken": token} if token else {}),
        )
        for entry in answer["ResourceTagMappingList"]:
            yield entry
        token = answer.get("PaginationToken") or ""
        if not token:
            return


async def bucket_gib(aws: Aws, bucket: str) -> float:
    """What is in a bucket, in GiB, counted object by object."""
    size: float = 0
    more: dict[str, str] = {}
    while True:
        page = await aws.call("s3", "list_objects_v2", Bucket=bucket, **more)
        size += sum(float(item["Size"]) for item in page.get("Contents") or ())
        if not page.get("IsTruncated"):
            return size / GIB
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _thing(deployment: str, kind: Kind, thing_id: str, described: Answer, **facts: object) -> Thing:
    tagged = tags.as_dict(described.get("Tags") or described.get("TagList"))
    facts.setdefault("name", tagged.get("Name", ""))
    return Thing(kind, thing_id, of_stack=belongs_to_stack(tagged, deployment), tags=tagged, **facts)  # type: ignore[arg-type]


_Look = Callable[[Aws, str], Awaitable[list[Thing]]]
_LISTS: tuple[_Look, ...] = (list_machines, _spot_requests, _disks, _images, _addresses, _files, _alarms, _schedules, _tokens)
#: What AWS's list of tagged things calls those that are listed above: it may name them for an hour after they are gone.
_LISTED = (
    "instance/",
    "spot-instances-request/",
    "volume/",
    "snapshot/",
    "image/",
    "elastic-ip/",
    "file-system/",
    "alarm:",
    "schedule/",
    "parameter/",
)
