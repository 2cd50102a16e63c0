"""A model's whole way in AWS: from an admin's disk into the stack's bucket, and from there to a machine's, with their rights."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud_image.errors import ModelError as MachineModelError
from cloud_image.model_sync.s3_source import S3Source
from tests.aws.cloud import Call, Cloud
from tests.aws.formation import apply
from tests.aws.iam import action_of
from tests.aws.stack_policies import Ask, allowed
from tests.unit.cloud_image.model_sync.world import Disk, Lines, sync
from tests.unit.models.samples import MODEL, incoming, safetensors
from wake_service.errors import ModelError
from wake_service.models.about import Commercial
from wake_service.models.adding import Wish, add
from wake_service.models.s3_store import S3Models
from wake_service.models.store import ModelStore

BASE, LORA = "checkpoints/base.safetensors", "loras/ink.safetensors"
WISH = Wish("openrail++", Commercial.ASK)
#: The stack's bucket under the name that its policies have in these tests.
BUCKET = "arn:aws:s3:::studio-bucket"


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    return apply(cloud, ImageId=cloud.setting.image())["Bucket"]


@pytest.fixture
def store(cloud: Cloud, bucket: str) -> ModelStore:
    return S3Models(cloud.aws(), bucket)


@pytest.fixture
def source(cloud: Cloud, bucket: str) -> S3Source:
    return S3Source(cloud.aws().client("s3"), bucket, "models/")


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    yield Disk(tmp_path / "disk")


async def test_what_an_admin_adds_is_on_the_machine_after_its_sync(store: ModelStore, source: S3Source, disk: Disk) -> None:
    await add(store, incoming(), WISH, 100.0)
    await add(store, incoming(safetensors("x.lora_up.weight"), "ink.safetensors"), WISH, 200.0)
    outcome = sync(source, disk)
    assert (sorted(outcome.brought), outcome.troubles) == ([BASE, LORA], [])
    assert (disk.root / BASE).read_bytes() == MODEL
    await store.remove(LORA)
    assert sync(source, disk).evicted == [LORA]


async def test_a_throttled_and_a_lost_call_are_waited_out(cloud: Cloud, store: ModelStore, source: S3Source, disk: Disk) -> None:
    await add(store, incoming(), WISH, 100.0)
    cloud.fail("GetObject", "SlowDown", times=2, match=BASE + "'")
    cloud.fail("GetObject", "ReadTimeout", match=BASE + "'")
    lines = Lines()
    assert sync(source, disk, lines=lines).brought == [BASE]
    assert len(lines.slept) == 3


async def test_a_machine_without_the_right_says_so(cloud: Cloud, store: ModelStore, source: S3Source, disk: Disk) -> None:
    await add(store, incoming(), WISH, 100.0)
    cloud.fail("ListObjectsV2", "AccessDenied")
    with pytest.raises(MachineModelError, match="role"):
        sync(source, disk)


async def test_an_admin_without_the_right_is_told(cloud: Cloud, store: ModelStore) -> None:
    cloud.fail("PutObject", "AccessDenied")
    with pytest.raises(ModelError, match="doctor"):
        await add(store, incoming(), WISH, 100.0)


async def test_the_machines_role_may_do_all_that_a_sync_does_and_reads_no_picture(
    cloud: Cloud, store: ModelStore, source: S3Source, disk: Disk
) -> None:
    await add(store, incoming(), WISH, 100.0)
    before = len(cloud.calls)
    sync(source, disk)
    calls = cloud.calls[before:]
    assert {call.operation for call in calls} == {"ListObjectsV2", "GetObject"}
    assert [call for call in calls if not allowed("machine", _ask(call))] == []
    assert not allowed("machine", Ask("s3:ListBucket", BUCKET, {"s3:prefix": "blobs/"}))
    assert not allowed("machine", Ask("s3:PutObject", f"{BUCKET}/models/{BASE}"))


def _ask(call: Call) -> Ask:
    action = action_of(call.service, call.operation)
    if action == "s3:ListBucket":
        return Ask(action, BUCKET, {"s3:prefix": call.arguments["Prefix"]})
    return Ask(action, f"{BUCKET}/{call.arguments['Key']}")
