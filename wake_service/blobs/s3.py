"""Blobs as objects in an S3 bucket, named by their SHA-256: `PREFIX/ab/abcd…`."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from typing import IO, Any

from wake_service.aws.clients import Answer, Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.blobs.base import (
    CHUNK_BYTES,
    BlobArchived,
    BlobInfo,
    BlobMissing,
    Data,
    Ready,
    checked_sha256,
)
from wake_service.blobs.s3_errors import RESTORE_SECONDS, check_read, sentences
from wake_service.blobs.s3_upload import PART_BYTES, Source, Upload

#: The longest a link may work: longer than any download takes, and no longer than a role's credentials last. In seconds.
LONGEST_LINK = 12 * 3600.0
#: Pictures up to this size are checked in memory while they are read, larger ones in a temporary file. In bytes.
_SPOOL_BYTES = 8 * 1024 * 1024
#: How long what is fetched from cold storage stays readable.
_RESTORED_DAYS = 7


class S3Blobs:
    """A BlobStore in one bucket, whose objects are encrypted: with S3's own key, or with the KMS key `key_id`.

    An object is written only where none is, or where one is that is not what its name says. S3 checks what it receives against
    the checksum that comes along, and has no room to run out of. Links can be given to what is stored (Linking).
    """

    def __init__(
        self, aws: Aws, bucket: str, *, prefix: str = "", key_id: str | None = None, part_bytes: int = PART_BYTES
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._aws = aws
        self._part_bytes = part_bytes
        self._encryption: dict[str, Any] = {"ServerSideEncryption": "AES256"}
        if key_id is not None:
            self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, "BucketKeyEnabled": True}
        aws.client("s3")  # made here: making one is not safe in several threads at once, using it is

    async def put(
        self, data: Data, *, sha256: str | None = None, max_bytes: int | None = None, ready: Ready | None = None
    ) -> BlobInfo:
        expected = None if sha256 is None else checked_sha256(sha256)
        source = Source(data, max_bytes)
        if expected is None and isinstance(data, bytes):
            expected = await asyncio.to_thread(_sha256, data)
        if expected is not None:
            return await self._put(expected, source, ready)
        # The name of an object must be known before its first byte is sent.
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            async for part in source.parts(CHUNK_BYTES):
                await asyncio.to_thread(spool.write, part)
            return await self._put(source.sha256, Source(_stream(spool), None), ready)

    async def _put(self, sha256: str, source: Source, ready: Ready | None) -> BlobInfo:
        if ready is not None:
            await ready(sha256)  # what S3 has received whole can be found at once
        upload = Upload(self._aws, self._place(sha256), self._encryption, self.is_good)
        parts = source.parts(self._part_bytes)
        with sentences("stored", self.bucket):
            first, second = await anext(parts, b""), await anext(parts, None)
            if second is None:
                source.check(sha256)
                await upload.whole(first)
            else:
                await upload.in_parts([first, second], parts, partial(source.check, sha256))
        return BlobInfo(sha256, source.size)

    async def get(self, sha256: str) -> bytes:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            await self._fetch(checked_sha256(sha256), spool)
            return await asyncio.to_thread(spool.read)

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - closed by the stream, or below
        try:
            await self._fetch(checked_sha256(sha256), spool)
        except BaseException:
            spool.close()
            raise
        return _stream_and_close(spool)

    async def size(self, sha256: str) -> int:
        with sentences("read", self.bucket, sha256):
            return int((await self._head(sha256))["ContentLength"])

    async def exists(self, sha256: str) -> bool:
        try:
            await self.size(sha256)
        except BlobMissing:
            return False
        return True

    async def delete(self, sha256: str) -> bool:
        if not await self.exists(sha256):
            return False
        with sentences("deleted", self.bucket, sha256):
            await self._aws.call("s3", "delete_object", **self._place(sha256))
        return True

    async def free_bytes(self) -> int | None:
        return None

    async def link(self, sha256: str, seconds: float, filename: str, media_type: str) -> str:
        """An address from which anybody can fetch the blob for so long, saved as `filename`. Raises StorageError."""
        with sentences("read", self.bucket, sha256):
            head = await self._head(sha256)
        if _is_archived(head):
            raise await self._asked_for(sha256)
        wanted = {
            **self._place(sha256),
            "ResponseContentType": media_type,
            "ResponseContentDisposition": f'inline; filename="{filename}"',
        }
        sign = self._aws.client("s3").generate_presigned_url
        address: str = await asyncio.to_thread(
            sign, "get_object", Params=wanted, ExpiresIn=int(max(1, min(seconds, LONGEST_LINK)))
        )
        return address

    async def is_good(self, place: dict[str, str], checksum: str) -> str | None:
        """None when the object there is readable and has this checksum; else its ETag, to replace just that one."""
        try:
            head = await self._aws.call("s3", "head_object", **place, ChecksumMode="ENABLED")
        except AwsNotFound:
            return ""
        good = head.get("ChecksumSHA256", "").partition("-")[0] == checksum and not _is_archived(head)
        return None if good else str(head["ETag"])

    def _place(self, sha256: str) -> dict[str, str]:
        checked_sha256(sha256)
        return {"Bucket": self.bucket, "Key": f"{self.prefix}{sha256[:2]}/{sha256}"}

    async def _head(self, sha256: str) -> Answer:
        return await self._aws.call("s3", "head_object", **self._place(sha256))

    async def _fetch(self, sha256: str, spool: IO[bytes]) -> None:
        """Writes a blob into a file that stands at its beginning then. Raises BlobCorrupt when it is not what its name says."""
        try:
            with sentences("read", self.bucket, sha256):
                answer = await self._aws.call("s3", "get_object", **self._place(sha256))
                actual = await asyncio.to_thread(_copy, answer["Body"], spool)
        except AwsError as error:
            if error.code != "InvalidObjectState":
                raise
            raise await self._asked_for(sha256) from error
        check_read(sha256, actual)

    async def _asked_for(self, sha256: str) -> BlobArchived:
        """Asks for a blob from cold storage; the error that says so."""
        request = {"Days": _RESTORED_DAYS, "GlacierJobParameters": {"Tier": "Standard"}}
        with sentences("read", self.bucket, sha256):
            try:
                await self._aws.call("s3", "restore_object", **self._place(sha256), RestoreRequest=request)
            except AwsError as error:
                if error.code != "RestoreAlreadyInProgress":
                    raise
        return BlobArchived(sha256, RESTORE_SECONDS)


def _is_archived(head: Answer) -> bool:
    """Whether an object has to be restored before it can be read. AWS says of a restored one until when it is readable."""
    cold = head.get("StorageClass") in ("GLACIER", "DEEP_ARCHIVE") or "ArchiveStatus" in head
    return cold and 'ongoing-request="false"' not in head.get("Restore", "")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _copy(body: Any, spool: IO[bytes]) -> str:
    """All of an answer's body into a file; its checksum."""
    digest = hashlib.sha256()
    try:
        while chunk := body.read(CHUNK_BYTES):
            digest.update(chunk)
            spool.write(chunk)
    finally:
        body.close()
    spool.seek(0)
    return digest.hexdigest()


async def _stream(spool: IO[bytes]) -> AsyncIterator[bytes]:
    await asyncio.to_thread(spool.seek, 0)
    while chunk := await asyncio.to_thread(spool.read, CHUNK_BYTES):
        yield chunk


async def _stream_and_close(spool: IO[bytes]) -> AsyncIterator[bytes]:
    with spool:
        async for chunk in _stream(spool):
            yield chunk
