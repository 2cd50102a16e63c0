"""What S3 as a blob store promises besides: conditions, encryption, parts, cold storage, and errors that are sentences."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.s3 import cloud, in_memory_aws
from wake_service.aws.clients import Aws
from wake_service.aws.errors import from_code
from wake_service.blobs.base import BlobArchived
from wake_service.blobs.s3 import S3Blobs
from wake_service.errors import StorageError

PICTURE = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(PICTURE).hexdigest()
PLACE = {"Bucket": "pictures", "Key": f"blobs/{SHA256[:2]}/{SHA256}"}


class Listening(Aws):
    """An account that notes what is asked of it, and fails where it is told to."""

    calls: list[tuple[str, dict[str, Any]]]
    failing: dict[str, str]

    async def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        self.calls.append((operation, arguments))
        if operation in self.failing:
            raise from_code(operation, self.failing[operation], "no")
        return await super().call(service, operation, **arguments)

    def asked(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    with cloud(monkeypatch):
        aws = in_memory_aws()
        aws.__class__ = Listening
        assert isinstance(aws, Listening)
        aws.calls, aws.failing = [], {}
        aws.client("s3").create_bucket(Bucket="pictures")
        yield aws


@pytest.fixture
def store(aws: Listening) -> S3Blobs:
    return S3Blobs(aws, "pictures", prefix="blobs/", part_bytes=500_000)


async def stream(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_objects_are_encrypted_and_lie_under_their_checksum(aws: Listening, store: S3Blobs) -> None:
    await store.put(b"small")
    await store.put(PICTURE)
    for listed in aws.client("s3").list_objects_v2(Bucket="pictures")["Contents"]:
        head = aws.client("s3").head_object(Bucket="pictures", Key=listed["Key"])
        assert head["ServerSideEncryption"] == "AES256"
        assert listed["Key"].startswith("blobs/")


async def test_a_key_of_the_admins_own_encrypts_them(aws: Listening) -> None:
    await S3Blobs(aws, "pictures", key_id="alias/pictures").put(PICTURE)
    (put,) = aws.asked("put_object")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "alias/pictures")


async def test_a_large_blob_is_never_in_memory_as_a_whole(aws: Listening, store: S3Blobs) -> None:
    await store.put(stream(PICTURE), sha256=SHA256)
    sizes = [len(part["Body"]) for part in aws.asked("upload_part")]
    assert sizes == [500_000, 500_000, 280_000]
    assert not aws.asked("put_object")


async def test_what_is_there_already_is_not_written_again(aws: Listening, store: S3Blobs) -> None:
    for _ in range(2):
        await store.put(b"small")
        await store.put(stream(PICTURE), sha256=SHA256)
    assert all(asked.get("IfNoneMatch") == "*" for asked in aws.asked("put_object") + aws.asked("complete_multipart_upload"))
    assert aws.client("s3").list_multipart_uploads(Bucket="pictures").get("Uploads", []) == []


@pytest.mark.parametrize("trouble", ["upload_part", "complete_multipart_upload", "stream", "checksum"])
async def test_parts_of_an_upload_that_fails_are_thrown_away(aws: Listening, store: S3Blobs, trouble: str) -> None:
    aws.failing = {trouble: "AccessDenied"}

    async def broken() -> AsyncIterator[bytes]:
        async for chunk in stream(PICTURE):
            yield chunk
        if trouble == "stream":
            raise ConnectionResetError

    promised = "0" * 64 if trouble == "checksum" else SHA256
    with pytest.raises((StorageError, ConnectionResetError)):
        await store.put(broken(), sha256=promised)
    assert aws.client("s3").list_multipart_uploads(Bucket="pictures").get("Uploads", []) == []
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket="pictures")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AccessDenied", "The picture could not be stored: the service may not use the bucket “pictures” like this."),
        ("NoSuchBucket", "The picture could not be stored: there is no bucket “pictures”."),
        ("InvalidRequest", "The picture could not be stored: AWS answered put_object with InvalidRequest: no."),
        ("SlowDown", "The picture could not be stored: S3 has too much to do just now."),
    ],
)
async def test_what_goes_wrong_is_a_sentence(aws: Listening, store: S3Blobs, code: str, sentence: str) -> None:
    aws.failing = {"put_object": code}
    with pytest.raises(StorageError) as caught:
        await store.put(b"small")
    assert str(caught.value).startswith(sentence)


async def test_a_picture_in_cold_storage_is_asked_for_and_said_to_come(aws: Listening, store: S3Blobs) -> None:
    aws.client("s3").put_object(**PLACE, Body=PICTURE, StorageClass="GLACIER")
    aws.failing = {"get_object": "InvalidObjectState"}
    with pytest.raises(BlobArchived):
        await store.link(SHA256, 60, "a.png", "image/png")
    for read in (store.get, store.open):
        with pytest.raises(BlobArchived, match=r"lies in cold storage\. It has been asked for: it is back within 12 hours"):
            await read(SHA256)
    assert len(aws.asked("restore_object")) == 3
