"""Whatever the service asks AWS for, its role may do to its own things, and to nobody else's.

The calls are those that the code makes in a life in which everything happens; that none is missing is read from the code.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import boto3
import pytest

from tests.aws.cloud import STUDIO, Call, Cloud
from tests.aws.formation import apply, join_subnets
from tests.aws.iam import OURS, THEIRS, action_of, asks, looks, unheard_of
from tests.aws.stack_policies import allowed
from tests.aws.studio import studio
from tests.unit.test_architecture import SERVICE, python_files, tree
from wake_service.aws.clients import Aws
from wake_service.aws.curfew_schedule import CurfewSchedule
from wake_service.aws.doctor import Doctor
from wake_service.aws.inventory import take_inventory
from wake_service.aws.stack import find_stack, image_in_use
from wake_service.aws.watchdog import Watchdog
from wake_service.blobs.base import BlobArchived, BlobTooLarge
from wake_service.blobs.s3 import S3Blobs
from wake_service.clock import ManualClock
from wake_service.errors import ModelError, NoCapacity
from wake_service.machines.curfew import Curfew
from wake_service.models.about import About, Commercial
from wake_service.models.s3_store import S3Models
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.copies import CopyKeeper
from wake_service.providers.ec2.create import create
from wake_service.providers.ec2.rule import WayIn

A, B = "us-east-1a", "us-east-1b"
DAY = 86_400.0
MIB = 1024**2
#: What an admin does with her own rights.
OF_THE_ADMIN = {SERVICE / "aws" / "uninstall.py", *(SERVICE / "images").glob("*.py")}


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """What was asked of AWS in a life in which everything happens."""
    return asyncio.run(_live())


async def _live() -> list[Call]:
    clock = ManualClock()
    cloud = Cloud(clock)
    try:
        outputs = apply(cloud, ImageId=cloud.setting.image())
        join_subnets(cloud, outputs)
        aws = cloud.aws()
        await _machines(cloud, aws, clock, outputs["SecurityGroup"])
        cloud.client("scheduler").create_schedule_group(Name=STUDIO)  # moto's CloudFormation makes none
        await _schedules(aws)
        await _pictures(cloud, S3Blobs(aws, outputs["Bucket"], prefix="blobs/", part_bytes=5 * MIB))
        await _models(S3Models(aws, outputs["Bucket"], part_bytes=5 * MIB))
        await Doctor(aws, STUDIO, 8443).examine()
        await take_inventory(aws, STUDIO)
        stack = await find_stack(aws, STUDIO)
        assert stack is not None
        await image_in_use(aws, stack)
        return [call for call in cloud.calls if call.by == "client"]
    finally:
        await cloud.close()


async def _machines(cloud: Cloud, aws: Aws, clock: ManualClock, group: str) -> None:
    """One is made, sleeps, leaves copies, wakes as another type, is taken, replaced elsewhere, and deleted."""
    plan = Plan(tries=1, types=("g6.xlarge",), zones=(B,), create=True)
    async with studio(clock, cloud, plan) as s:
        s.options = replace(s.options, security_group=group)
        await s.restart()
        machine = await create(aws, s.options, "the first", zone=A)
        await s.during(s.provider.machines())
        await clock.advance(cloud.times.wake + 30)
        await s.provider.renew(machine, lease_until=clock.now() + 600, hold_until=clock.now() + 900)
        await s.provider.renew(machine, lease_until=clock.now() + 600, hold_until=None)
        await s.sleep(machine)
        keeper = CopyKeeper(aws, s.options)
        for _ in range(4):
            await keeper.keep(machine, "default")
            await clock.advance(8 * DAY)
        cloud.take("g5.xlarge", A)
        await s.wake(machine)
        await s.sleep(machine)
        cloud.give_back("g5.xlarge", A)
        cloud.move("203.0.113.9")
        await s.wake(machine)
        await s.sleep(machine)
        cloud.take("g5.xlarge", A)
        cloud.take("g6.xlarge", A)
        with pytest.raises(NoCapacity, match="Another one was made"):
            await s.during(s.provider.start(machine))
        await create(aws, s.options, "a cheap one", zone=B, spot=True)
        by_name = WayIn(aws, replace(s.options, security_group=None), cloud.find_address)
        await by_name.open()
        watchdog = Watchdog(aws, STUDIO)
        for armed in (machine, *cloud.running()):
            await watchdog.arm(armed)
            assert watchdog.trouble is None
        await watchdog.remove(machine)
        cloud.terminate(machine)
        await s.during(s.provider.machines())
        await clock.advance(120)
        await s.during(s.provider.machines())


async def _schedules(aws: Aws) -> None:
    schedule = CurfewSchedule(aws, group=STUDIO, role="arn:aws:iam::123456789012:role/curfew", machine_list="studio-machines")
    await schedule.keep(Curfew.parse("Fri 22:00 - Mon 07:00", "UTC"))
    await schedule.keep(Curfew.parse("Fri 22:00 - Mon 08:00", "UTC"))
    await schedule.keep(None)


async def _pictures(cloud: Cloud, store: S3Blobs) -> None:
    """A small one, a large one, one that breaks off, one from cold storage, and all of them deleted."""
    small = (await store.put(b"a sketch")).sha256
    large = (await store.put(_bytes(11))).sha256
    with pytest.raises(BlobTooLarge):
        await store.put(_bytes(16), sha256="0" * 64, max_bytes=12 * MIB)
    await store.get(small)
    await store.link(small, 60, "sketch.png", "image/png")
    place = {"Bucket": store.bucket, "Key": f"blobs/{small[:2]}/{small}"}
    cloud.client("s3").copy_object(**place, CopySource=place, StorageClass="GLACIER")
    with pytest.raises(BlobArchived):
        await store.get(small)
    for sha256 in (small, large):
        await store.delete(sha256)


async def _models(store: S3Models) -> None:
    """A small one, a large one that breaks off and goes on, one that is not what was promised; listed, and removed."""
    small, large = "loras/small.safetensors", "checkpoints/large.safetensors"
    sha256 = await store.put(small, _bytes(1), MIB)
    await store.describe(About(name=small, sha256=sha256, size=MIB, license="MIT", commercial=Commercial.YES))
    with pytest.raises(ModelError, match="broke off"):
        await store.put(large, _bytes(6), 11 * MIB)
    with pytest.raises(ModelError, match="promised"):
        await store.put(large, _bytes(11), 11 * MIB, "0" * 64)
    await store.put(large, _bytes(11), 11 * MIB)
    await store.inventory()
    await store.remove(small)


async def _bytes(mib: int) -> AsyncIterator[bytes]:
    for _ in range(mib):
        yield bytes(MIB)


def _written() -> Iterator[tuple[str, str]]:
    """Service and operation of every call in the source that the service makes, as IAM and AWS name them."""
    session = boto3.Session(region_name="us-east-1")
    known = set(session.get_available_services())
    for path in python_files("wake_service"):
        if path in OF_THE_ADMIN:
            continue
        for node in ast.walk(tree(path)):
            parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
            words = [part.value for part in parts[:2] if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if len(words) == 2 and words[0] in known:
                operations = session.client(words[0]).meta.method_to_api_mapping
                if words[1] in operations:
                    yield words[0], operations[words[1]]


def _named(call: Call) -> str:
    return action_of(call.service, call.operation)


def test_every_call_in_the_code_is_made_in_that_life(calls: list[Call]) -> None:
    written = {action_of(service, operation) for service, operation in _written()}
    assert len(written) > 40
    assert written - {_named(call) for call in calls} == set()


def test_the_role_may_do_all_that_the_service_does(calls: list[Call]) -> None:
    refused = {(ask.action, ask.resource) for call in calls for ask in asks(call, OURS) if not allowed("service", ask)}
    assert refused == set()


def test_the_role_may_do_none_of_it_to_another_deployment(calls: list[Call]) -> None:
    changes = [call for call in calls if not looks(call)]
    assert {_named(call) for call in changes if all(allowed("service", ask) for ask in asks(call, THEIRS))} == set()
    assert len({_named(call) for call in changes}) > 20


def test_of_each_thing_of_another_deployment_it_is_refused(calls: list[Call]) -> None:
    """Not only of the call as a whole: of each thing in it."""
    things = [ask for call in calls if not looks(call) for ask in asks(call, THEIRS) if ask not in asks(call, OURS)]
    assert [ask for ask in things if allowed("service", ask)] == []


def test_these_questions_are_ones_that_iam_asks(calls: list[Call]) -> None:
    wrong = {unheard_of(ask) for call in calls for owner in (OURS, THEIRS) for ask in asks(call, owner)}
    assert wrong == {None}
