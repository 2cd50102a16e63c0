"""Copies of the models' disk: made when a machine has gone to sleep, few, only ours, and good for a machine elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.aws.cloud import STUDIO, Cloud
from tests.aws.studio import studio
from wake_service import settings
from wake_service.aws import tags
from wake_service.aws.cost import bill
from wake_service.aws.inventory import Kind, take_inventory
from wake_service.aws.prices import Prices
from wake_service.clock import ManualClock
from wake_service.errors import NoCapacity
from wake_service.machinery import in_ec2
from wake_service.machines.model import Machine, MachineState
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.copies import CopyKeeper, newest_copy
from wake_service.providers.ec2.options import Ec2Options

DAY = 86_400.0
A, B = "us-east-1a", "us-east-1b"
PLAN = Plan(tries=1, zones=(B,), create=True)
OPTIONS = Ec2Options(deployment=STUDIO, plan=PLAN)


def add_machine(cloud: Cloud) -> str:
    """A sleeping machine with a disk for models of its own."""
    machine = cloud.add_machine(zone=A)
    ec2 = cloud.client("ec2")
    disk = ec2.create_volume(AvailabilityZone=A, Size=80, VolumeType="gp3")["VolumeId"]
    ec2.attach_volume(VolumeId=disk, InstanceId=machine, Device=OPTIONS.data_device)
    return machine


def disk_of(cloud: Cloud, machine: str) -> str:
    wanted = [{"Name": "attachment.instance-id", "Values": [machine]}, {"Name": "attachment.device", "Values": ["/dev/sdf"]}]
    (disk,) = cloud.client("ec2").describe_volumes(Filters=wanted)["Volumes"]
    return str(disk["VolumeId"])


def copies(cloud: Cloud, pool: str = "default") -> list[str]:
    wanted = [{"Name": "tag:wakebrush-copy-of", "Values": [pool]}]
    found = cloud.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=wanted)["Snapshots"]
    return [one["SnapshotId"] for one in sorted(found, key=lambda one: one["StartTime"])]


@asynccontextmanager
async def keeping(cloud: Cloud) -> AsyncIterator[CopyKeeper]:
    keeper = CopyKeeper(cloud.aws(), OPTIONS)
    running = asyncio.create_task(keeper.run())
    yield keeper
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def sleep(keeper: CopyKeeper, clock: ManualClock, machine: str, *, after: float = 0.0) -> None:
    """The machine goes to sleep, so many days from now."""
    await clock.advance(after * DAY)
    keeper.fell_asleep(machine, "default")
    await clock.advance(60)


async def test_a_machine_that_went_to_sleep_leaves_a_copy_of_its_models(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
        (copy,) = cloud.client("ec2").describe_snapshots(SnapshotIds=copies(cloud))["Snapshots"]
        assert copy["VolumeId"] == disk_of(cloud, machine)
        assert tags.as_dict(copy["Tags"])["wakebrush"] == STUDIO
        assert keeper.trouble is None


async def test_a_copy_that_is_young_enough_is_not_made_again(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        for _ in range(10):
            await sleep(keeper, clock, machine, after=0.5)
    assert len(cloud.asked("CreateSnapshot")) == 1


async def test_in_a_year_there_are_never_more_than_three_and_always_a_young_one(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        for _ in range(122):
            await sleep(keeper, clock, machine, after=3)
            assert len(copies(cloud)) <= 3
            assert await newest_copy(cloud.aws(), OPTIONS, "default", clock.now() - PLAN.snapshot_days * DAY) is not None
    assert 36 <= len(cloud.asked("CreateSnapshot")) <= 53


async def test_what_belongs_to_others_is_never_deleted(clock: ManualClock, cloud: Cloud) -> None:
    machine, ec2 = add_machine(cloud), cloud.client("ec2")
    others = []
    for pairs in (
        {"wakebrush": "somebody", "wakebrush-copy-of": "default"},
        {"wakebrush": STUDIO},
        {"wakebrush-copy-of": "default"},
    ):
        tagged = [{"ResourceType": "snapshot", "Tags": tags.as_list(pairs)}]
        others += [
            ec2.create_snapshot(VolumeId=disk_of(cloud, machine), TagSpecifications=tagged)["SnapshotId"] for _ in range(4)
        ]
    async with keeping(cloud) as keeper:
        for _ in range(6):
            await sleep(keeper, clock, machine, after=8)
    assert len(cloud.asked("DeleteSnapshot")) == 3
    left = {one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert set(others) <= left


async def test_while_one_is_on_its_way_no_other_is_begun(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
        (slow,) = copies(cloud)
        cloud.ec2.snapshots[slow].status = "pending"
        cloud.ec2.changed()
        await sleep(keeper, clock, machine, after=20)
        assert copies(cloud) == [slow]


async def test_two_machines_that_fall_asleep_together_leave_one_copy(clock: ManualClock, cloud: Cloud) -> None:
    first, second = add_machine(cloud), add_machine(cloud)
    async with keeping(cloud) as keeper:
        keeper.fell_asleep(first, "default")
        keeper.fell_asleep(second, "default")
        await clock.advance(60)
    assert len(copies(cloud)) == 1


async def test_one_that_aws_does_not_list_yet_is_not_made_again(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
        (fresh,) = copies(cloud)
        hidden = cloud.ec2.snapshots.pop(fresh)
        cloud.ec2.changed()
        await sleep(keeper, clock, machine)
        cloud.ec2.snapshots[fresh] = hidden
        cloud.ec2.changed()
    assert len(cloud.asked("CreateSnapshot")) == 1


async def test_one_whose_answer_was_lost_is_found_at_the_next_sleep(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    cloud.fail("CreateSnapshot", "ReadTimeout", acted=True)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
        assert keeper.trouble is not None
        await sleep(keeper, clock, machine)
        assert keeper.trouble is None
    assert len(copies(cloud)) == 1 and len(cloud.asked("CreateSnapshot")) == 1


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateSnapshot", "UnauthorizedOperation"),
        ("CreateSnapshot", "SnapshotLimitExceeded"),
        ("CreateSnapshot", "InternalError"),
        ("DescribeSnapshots", "UnauthorizedOperation"),
        ("DescribeVolumes", "UnauthorizedOperation"),
    ],
)
async def test_what_fails_is_said_and_tried_at_the_next_sleep(
    clock: ManualClock, cloud: Cloud, operation: str, code: str
) -> None:
    machine = add_machine(cloud)
    cloud.fail(operation, code)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
        assert copies(cloud) == [] and keeper.trouble is not None
        assert code in keeper.trouble and "tried again when a machine goes to sleep" in keeper.trouble
        await sleep(keeper, clock, machine)
        assert len(copies(cloud)) == 1 and keeper.trouble is None


async def test_a_machine_without_such_a_disk_is_said(clock: ManualClock, cloud: Cloud) -> None:
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, cloud.add_machine())
        assert keeper.trouble is not None and "has no disk at /dev/sdf" in keeper.trouble


async def test_a_machine_in_another_zone_is_made_from_the_copy(clock: ManualClock, cloud: Cloud) -> None:
    cloud.launch_template(STUDIO)
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
    cloud.take("g5.xlarge", A)
    async with studio(clock, cloud, PLAN) as s:
        with pytest.raises(NoCapacity, match="Another one was made"):
            await s.during(s.provider.start(machine))
    (disk,) = cloud.asked("RunInstances")[-1].arguments["BlockDeviceMappings"]
    assert disk["Ebs"]["SnapshotId"] == copies(cloud)[0]


async def test_copies_are_on_the_bill(clock: ManualClock, cloud: Cloud) -> None:
    machine = add_machine(cloud)
    async with keeping(cloud) as keeper:
        await sleep(keeper, clock, machine)
    lines = bill(await take_inventory(cloud.aws(), STUDIO), Prices.load(), cloud.region).lines
    (line,) = [line for line in lines if line.thing.id in copies(cloud)]
    assert line.thing.kind is Kind.SNAPSHOT and line.month_micros == Prices.load().snapshot_month_micros(cloud.region, 80)


@pytest.mark.parametrize("create", [True, False])
def test_they_are_kept_only_where_new_machines_may_be_made(tmp_path: Path, clock: ManualClock, create: bool) -> None:
    plan = tmp_path / "capacity.toml"
    plan.write_text(f"create = {str(create).lower()}\n", encoding="utf-8")
    machinery = in_ec2(settings.load(data=tmp_path, provider="ec2", aws_capacity_file=plan), clock)
    assert (machinery.copies is not None) is create
    assert (machinery.copies is not None and machinery.copies.run in machinery.forever) is create


def test_going_to_sleep_is_the_occasion(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tmp_path / "capacity.toml"
    plan.write_text("create = true\n", encoding="utf-8")
    machinery = in_ec2(settings.load(data=tmp_path, provider="ec2", aws_capacity_file=plan), clock)
    occasions: list[tuple[str, str]] = []
    assert machinery.copies is not None
    monkeypatch.setattr(machinery.copies, "fell_asleep", lambda machine_id, pool: occasions.append((machine_id, pool)))
    for state in MachineState:
        machinery.changed(Machine(f"i-{state}", "default", "ec2", 0, state=state))
        machinery.changed(Machine(f"x-{state}", "default", "process", 0, state=state))
    assert occasions == [("i-asleep", "default")]
