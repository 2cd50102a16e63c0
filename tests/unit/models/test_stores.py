"""What is particular about single stores: a bucket goes on with an upload, a folder is ComfyUI's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.s3 import cloud, in_memory_aws
from tests.unit.models.samples import MODEL, SHA256, about, stream
from wake_service.aws.clients import Aws
from wake_service.errors import ModelError
from wake_service.models.folder_store import PARTS, FolderModels
from wake_service.models.s3_store import S3Models

BASE = "checkpoints/base.safetensors"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with cloud(monkeypatch):
        aws = in_memory_aws()
        aws.client("s3").create_bucket(Bucket="studio")
        yield aws


def spied(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    calls: list[tuple[str, dict[str, Any]]] = []
    call = aws.call

    async def noted(service: str, operation: str, **arguments: Any) -> Any:
        calls.append((operation, arguments))
        answer = await call(service, operation, **arguments)
        if operation == "list_parts":
            # S3 tells the checksums of an upload that was begun with them; moto does not.
            sums = {sent["PartNumber"]: sent["ChecksumSHA256"] for done, sent in calls if done == "upload_part"}
            answer["Parts"] = [part | {"ChecksumSHA256": sums[part["PartNumber"]]} for part in answer.get("Parts", ())]
        return answer

    monkeypatch.setattr(aws, "call", noted)
    return calls


async def test_an_upload_that_broke_off_goes_on_from_the_parts_that_arrived(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Models(aws, "studio", part_bytes=100)

    async def failing() -> AsyncIterator[bytes]:
        yield MODEL[:250]
        raise ModelError("the network went")

    calls = spied(aws, monkeypatch)
    with pytest.raises(ModelError, match="network"):
        await store.put(BASE, failing(), len(MODEL))
    first = len(calls)
    assert await store.put(BASE, stream(MODEL), len(MODEL), SHA256) == SHA256
    sent = [arguments["PartNumber"] for operation, arguments in calls[first:] if operation == "upload_part"]
    assert sent == list(range(3, -(-len(MODEL) // 100) + 1))
    assert aws.client("s3").get_object(Bucket="studio", Key=f"models/{BASE}")["Body"].read() == MODEL
    assert aws.client("s3").list_multipart_uploads(Bucket="studio").get("Uploads", []) == []


async def test_parts_of_another_file_are_sent_anew(aws: Aws) -> None:
    store = S3Models(aws, "studio", part_bytes=100)
    with pytest.raises(ModelError, match="broke off"):
        await store.put(BASE, stream(b"other" * 50), len(MODEL))
    assert await store.put(BASE, stream(MODEL), len(MODEL), SHA256) == SHA256
    assert aws.client("s3").get_object(Bucket="studio", Key=f"models/{BASE}")["Body"].read() == MODEL


async def test_what_was_not_what_was_promised_leaves_no_parts_that_cost(aws: Aws) -> None:
    store = S3Models(aws, "studio", part_bytes=100)
    with pytest.raises(ModelError, match="promised"):
        await store.put(BASE, stream(MODEL), len(MODEL), "0" * 64)
    assert aws.client("s3").list_multipart_uploads(Bucket="studio").get("Uploads", []) == []


async def test_models_are_encrypted_as_pictures_are(aws: Aws) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    for store, kind in ((S3Models(aws, "studio"), "AES256"), (S3Models(aws, "studio", key_id=key), "aws:kms")):
        await store.put(BASE, stream(MODEL), len(MODEL))
        assert aws.client("s3").head_object(Bucket="studio", Key=f"models/{BASE}")["ServerSideEncryption"] == kind


async def test_a_bucket_that_is_not_there_is_a_sentence(aws: Aws) -> None:
    store = S3Models(aws, "nobody")
    for work in (store.inventory(), store.put(BASE, stream(MODEL), len(MODEL)), store.describe(about(BASE))):
        with pytest.raises(ModelError, match="no bucket"):
            await work


async def test_more_models_than_fit_on_a_page_are_listed(aws: Aws) -> None:
    for number in range(1005):
        aws.client("s3").put_object(Bucket="studio", Key=f"models/loras/{number}.safetensors", Body=b"x")
    assert len((await S3Models(aws, "studio").inventory()).entries) == 1005


async def test_comfyuis_own_placeholders_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "put_checkpoints_here").touch()
    assert (await FolderModels(tmp_path).inventory()).entries == []


async def test_a_folder_keeps_nothing_of_what_broke_off_and_the_engine_may_read_the_rest(tmp_path: Path) -> None:
    store = FolderModels(tmp_path)
    with pytest.raises(ModelError):
        await store.put(BASE, stream(MODEL), len(MODEL), "0" * 64)
    assert list((tmp_path / PARTS).iterdir()) == []
    await store.put(BASE, stream(MODEL), len(MODEL))
    assert list((tmp_path / PARTS).iterdir()) == []
    assert (tmp_path / BASE).stat().st_mode & 0o777 == 0o644


async def test_a_folder_that_cannot_be_one_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = FolderModels(tmp_path / "file")
    for work in (store.inventory(), store.put(BASE, stream(MODEL), len(MODEL)), store.describe(about(BASE)), store.remove(BASE)):
        with pytest.raises(ModelError, match="Nothing was changed"):
            await work
