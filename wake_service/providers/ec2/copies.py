"""Copies of the models' disk, from which the capacity plan makes a machine elsewhere: one young enough is always kept.

A copy is an EC2 snapshot with our tags, taken of a machine that has just gone to sleep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from wake_service.aws import tags
from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsNotFound
from wake_service.aws.inventory import COPIES_KEPT
from wake_service.errors import ProviderError
from wake_service.providers.ec2.options import Ec2Options

log = logging.getLogger(__name__)

#: How long AWS may fail to list a copy that was just begun, in seconds.
UNLISTED = 3600.0
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy. `begun_at` in epoch seconds; `state` is AWS's word: `pending`, `completed`, `error`, ..."""

    id: str
    begun_at: float
    state: str = "completed"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is to be done: whether a copy is made, and which are deleted."""

    make: bool
    delete: tuple[str, ...] = ()


def upkeep(copies: Iterable[Copy], snapshot_days: float, now: float) -> Upkeep:
    """What these copies of one disk need, so that a complete one younger than `snapshot_days` is there as long as machines
    sleep every now and then.

    The next one is made at half that age, and not while one is being made. Failed ones are deleted, and complete ones beyond
    the newest two: one that is still being made replaces none yet.
    """
    copies = list(copies)
    complete = sorted((one for one in copies if one.state == "completed"), key=lambda one: one.begun_at, reverse=True)
    under_way = any(one.state == "pending" for one in copies)
    old = not complete or now - complete[0].begun_at > snapshot_days * _DAY / 2
    failed = [one for one in copies if one.state == "error"]
    return Upkeep(old and not under_way, tuple(one.id for one in (*failed, *complete[COPIES_KEPT:])))


async def list_copies(aws: Aws, options: Ec2Options, pool: str) -> list[Copy]:
    """All copies of a pool's models' disk that are ours. Raises AwsError, ProviderTimeout or NoCredentials."""
    wanted = {tags.DEPLOYMENT: options.deployment, tags.COPY_OF: pool}
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in wanted.items()]
    pages = await aws.pages("ec2", "describe_snapshots", OwnerIds=["self"], Filters=filters)
    return [Copy(one["SnapshotId"], one["StartTime"].timestamp(), one["State"]) for page in pages for one in page["Snapshots"]]


async def newest_copy(aws: Aws, options: Ec2Options, pool: str, younger_than: float) -> str | None:
    """The newest complete copy begun after that moment (epoch seconds); None if there is none."""
    found = [one for one in await list_copies(aws, options, pool) if one.state == "completed" and one.begun_at > younger_than]
    newest = max(found, key=lambda one: one.begun_at, default=None)
    return None if newest is None else newest.id


class CopyKeeper:
    """Keeps the copies of one deployment. `fell_asleep` says when there is an occasion and returns at once; `run` takes it,
    one after the other, so that there are never two copies on their way.

    `trouble` is a sentence while the last occasion came to nothing, else None.
    """

    def __init__(self, aws: Aws, options: Ec2Options) -> None:
        self._aws = aws
        self._options = options
        self._occasions: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._begun: dict[str, Copy] = {}
        self.trouble: str | None = None

    def fell_asleep(self, machine_id: str, pool: str) -> None:
        """A machine of that pool sleeps now: nobody writes on its disk."""
        self._occasions.put_nowait((machine_id, pool))

    async def run(self) -> None:
        """Takes every occasion, for ever. What fails is said, and tried again at the next one."""
        while True:
            machine_id, pool = await self._occasions.get()
            try:
                await self.keep(machine_id, pool)
                self.trouble = None
            except ProviderError as error:
                self.trouble = (
                    f"The copies of the models' disk of pool {pool} could not be looked after: {error} It is tried again when "
                    "a machine goes to sleep; without a young copy, no new machine is made when all are taken."
                )
                log.warning("%s", self.trouble)

    async def keep(self, machine_id: str, pool: str) -> None:
        """Makes and deletes what is due. Raises ProviderError; what was done by then is done."""
        now = self._aws.clock.now()
        copies = await list_copies(self._aws, self._options, pool)
        begun = self._begun.get(pool)
        if begun is not None and now < begun.begun_at + UNLISTED and begun.id not in {one.id for one in copies}:
            copies.append(begun)
        due = upkeep(copies, self._options.plan.snapshot_days, now)
        if due.make:
            await self._make(machine_id, pool)
        for copy_id in due.delete:
            await self._delete(copy_id)

    async def _make(self, machine_id: str, pool: str) -> None:
        disk = await self._disk(machine_id)
        tagged = {tags.DEPLOYMENT: self._options.deployment, tags.COPY_OF: pool, "Name": f"{self._options.deployment} models"}
        answer = await self._aws.call_once(
            "ec2",
            "create_snapshot",
            VolumeId=disk,
            Description=f"Models of {machine_id}, for a machine in another zone",
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags.as_list(tagged)}],
        )
        begun = self._begun[pool] = Copy(answer["SnapshotId"], self._aws.clock.now(), "pending")
        log.info("pool %s: %s is a new copy of the models' disk of %s", pool, begun.id, machine_id)

    async def _disk(self, machine_id: str) -> str:
        wanted = {"attachment.instance-id": machine_id, "attachment.device": self._options.data_device}
        filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        pages = await self._aws.pages("ec2", "describe_volumes", Filters=filters)
        found: list[str] = [volume["VolumeId"] for page in pages for volume in page["Volumes"]]
        if not found:
            raise ProviderError(f'Machine "{machine_id}" has no disk at {self._options.data_device}.')
        return found[0]

    async def _delete(self, copy_id: str) -> None:
        try:
            await self._aws.call("ec2", "delete_snapshot", SnapshotId=copy_id)
        except AwsNotFound:
            log.debug("copy %s was deleted already", copy_id)
