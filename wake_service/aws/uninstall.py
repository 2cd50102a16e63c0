"""Leaving AWS: everything with the deployment's tag is deleted, in an order that works, as often as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.aws.inventory import Kind, Thing, take_inventory
from wake_service.aws.stack import describe
from wake_service.errors import ProviderError

#: What is deleted first. Spot requests before their machines, or AWS starts new ones; machines before their disks; images
#: before the snapshots they are made of. What is left belongs to the stack, which goes before the bucket that it fills.
ORDER = (
    Kind.SPOT_REQUEST,
    Kind.MACHINE,
    Kind.SCHEDULE,
    Kind.ALARM,
    Kind.TOKEN,
    Kind.IMAGE,
    Kind.SNAPSHOT,
    Kind.DISK,
    Kind.ADDRESS,
)
#: A bucket that was kept bears this tag instead of the deployment's.
KEPT = "wakebrush-kept"
#: Deadlines in seconds: AWS may take minutes to terminate a machine with a GPU, and many to delete a network.
TERMINATION_SECONDS = 900.0
STACK_SECONDS = 1800.0
#: AWS's list of tagged things may be behind by about so much.
TAGS_SECONDS = 120.0
LOOK_SECONDS = 5.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Left:
    """What there is at the end: things that still have the tag, and the bucket that was kept on purpose."""

    things: tuple[Thing, ...]
    kept_bucket: str | None


def in_order(things: Iterable[Thing]) -> list[Thing]:
    """The things that are deleted one by one, first to last. Those of the stack go with the stack."""
    ours = [thing for thing in things if thing.kind in ORDER and not thing.of_stack]
    return sorted(ours, key=lambda thing: ORDER.index(thing.kind))


async def uninstall(aws: Aws, deployment: str, *, keep_pictures: bool, tell: Tell) -> Left:
    """Deletes the deployment and says what is left.

    May be interrupted anywhere and repeated. `tell` hears of each step. Raises AwsError when AWS refuses, ProviderError when
    something takes longer than its deadline; both say what to do.
    """
    found = await take_inventory(aws, deployment)
    await _claim_snapshots(aws, deployment, found)
    things = in_order(found)
    for kind in ORDER:
        these = [thing for thing in things if thing.kind is kind]
        if these:
            tell(f"Deleting: {', '.join(thing.id for thing in these)} ({kind}).")
        for thing in these:
            await _delete(aws, thing)
        if kind is Kind.MACHINE and these:
            await _terminated(aws, [thing.id for thing in these])
    await _delete_stack(aws, deployment, tell)
    kept = await _buckets(aws, deployment, keep_pictures, tell)
    return Left(await _left(aws, deployment), kept)


async def _claim_snapshots(aws: Aws, deployment: str, things: Iterable[Thing]) -> None:
    """Tags snapshots that are known by their image only: once it is gone, nothing else would tell that they are ours."""
    nameless = [thing.id for thing in things if thing.kind is Kind.SNAPSHOT and tags.DEPLOYMENT not in thing.tags]
    if nameless:
        await aws.call("ec2", "create_tags", Resources=nameless, Tags=tags.as_list({tags.DEPLOYMENT: deployment}))


async def _delete(aws: Aws, thing: Thing) -> None:
    """Deletes one thing; that it is gone already is as good."""
    try:
        match thing.kind:
            case Kind.SPOT_REQUEST:
                await aws.call("ec2", "cancel_spot_instance_requests", SpotInstanceRequestIds=[thing.id])
            case Kind.MACHINE:
                await aws.call("ec2", "terminate_instances", InstanceIds=[thing.id])
            case Kind.SCHEDULE:
                await aws.call("scheduler", "delete_schedule", Name=thing.id, GroupName=thing.used_by)
            case Kind.ALARM:
                await aws.call("cloudwatch", "delete_alarms", AlarmNames=[thing.id])
            case Kind.TOKEN:
                await aws.call("ssm", "delete_parameter", Name=thing.id)
            case Kind.IMAGE:
                await aws.call("ec2", "deregister_image", ImageId=thing.id)
            case Kind.SNAPSHOT:
                await aws.call("ec2", "delete_snapshot", SnapshotId=thing.id)
            case Kind.DISK:
                await aws.call("ec2", "delete_volume", VolumeId=thing.id)
            case Kind.ADDRESS:
                await aws.call("ec2", "release_address", AllocationId=thing.id)
    except AwsNotFound:
        return


async def _terminated(aws: Aws, machine_ids: Sequence[str]) -> None:
    """Waits until AWS has let go of the machines: before, their disks and their network cannot be deleted."""
    until = aws.clock.now() + TERMINATION_SECONDS
    while True:
        pages = await aws.pages("ec2", "describe_instances", Filters=[{"Name": "instance-id", "Values": list(machine_ids)}])
        described = [instance for page in pages for entry in page["Reservations"] for instance in entry["Instances"]]
        running = [instance["InstanceId"] for instance in described if instance["State"]["Name"] != "terminated"]
        if not running:
            return
        if aws.clock.now() >= until:
            raise ProviderError(
                f"AWS has not ended {', '.join(running)} within {TERMINATION_SECONDS / 60:.0f} minutes. Nothing is lost by "
                "waiting: run `wakebrush aws uninstall` again later, it goes on where it stopped."
            )
        await aws.clock.sleep(LOOK_SECONDS)


async def _delete_stack(aws: Aws, deployment: str, tell: Tell) -> None:
    if await describe(aws, deployment) is None:
        return
    tell(f"Deleting: the stack {deployment}, with network, rights, shared files and plan. This takes some minutes.")
    await aws.call("cloudformation", "delete_stack", StackName=deployment)
    until = aws.clock.now() + STACK_SECONDS
    while (stack := await describe(aws, deployment)) is not None:
        if stack["StackStatus"] == "DELETE_FAILED":
            raise ProviderError(
                f"AWS could not delete the stack {deployment}: {stack.get('StackStatusReason') or 'it does not say why'}. "
                "Something that was made by hand is probably still in its network. Delete that, then run "
                "`wakebrush aws uninstall` again."
            )
        if aws.clock.now() >= until:
            raise ProviderError(
                f"AWS still deletes the stack {deployment} after {STACK_SECONDS / 60:.0f} minutes. Run `wakebrush aws uninstall` "
                "again later; it goes on where it stopped."
            )
        await aws.clock.sleep(LOOK_SECONDS)


async def _buckets(aws: Aws, deployment: str, keep: bool, tell: Tell) -> str | None:
    """Deletes the buckets with all that is in them, or takes our tag off them. Gives the name of the one that is kept."""
    kept = None
    for bucket in [thing.id for thing in await take_inventory(aws, deployment) if thing.kind is Kind.BUCKET]:
        if keep:
            kept = bucket
            tell(f"Keeping the pictures in the bucket {bucket}. It costs what it holds: delete it when you need it no more.")
            await _untag(aws, bucket, deployment)
        else:
            tell(f"Deleting: the bucket {bucket} with all pictures and models in it.")
            await _empty(aws, bucket)
            await aws.call("s3", "delete_bucket", Bucket=bucket)
    return kept


async def _untag(aws: Aws, bucket: str, deployment: str) -> None:
    """S3 takes all tags at once, and insists on those that AWS itself wrote."""
    answer = await aws.call("s3", "get_bucket_tagging", Bucket=bucket)
    rest = {key: value for key, value in tags.as_dict(answer["TagSet"]).items() if key != tags.DEPLOYMENT}
    await aws.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tags.as_list({**rest, KEPT: deployment})})


async def _empty(aws: Aws, bucket: str) -> None:
    while True:
        page = await aws.call("s3", "list_objects_v2", Bucket=bucket)
        keys = [{"Key": item["Key"]} for item in page.get("Contents") or ()]
        if not keys:
            break
        answer = await aws.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        for error in answer.get("Errors") or ():
            raise AwsError("DeleteObjects", error.get("Code", ""), f"{error.get('Key')}: {error.get('Message', '')}")
    uploads = (await aws.call("s3", "list_multipart_uploads", Bucket=bucket)).get("Uploads") or ()
    for upload in uploads:
        await aws.call("s3", "abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


async def _left(aws: Aws, deployment: str) -> tuple[Thing, ...]:
    """What still has the tag, once AWS's list of tags had time to hear of the end."""
    until = aws.clock.now() + TAGS_SECONDS
    while True:
        left = tuple(await take_inventory(aws, deployment))
        if not left or aws.clock.now() >= until:
            return left
        await aws.clock.sleep(LOOK_SECONDS)
