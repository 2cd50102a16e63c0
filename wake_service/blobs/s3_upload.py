"""A blob on its way to S3: in one piece, or in parts that are never in memory all at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from wake_service.aws.clients import Aws
from wake_service.aws.errors import AwsError, AwsNotFound
from wake_service.blobs.base import BlobTooLarge, ChecksumMismatch, Data, chunks_of
from wake_service.errors import ProviderError

#: Larger blobs travel in parts of this size. S3 takes parts from 5 MiB on, and 10,000 of them: up to 156 GiB in all.
PART_BYTES = 16 * 1024 * 1024
#: Two writers of the same object at the same moment: S3 tells one to come again. Tries, and seconds between them.
_TRIES = 5
_PAUSE = 0.5

#: Whether an object is what it should be: None; else the ETag of the one to replace ("" when there is none after all).
Judge = Callable[[dict[str, str], str], Awaitable[str | None]]


class Source:
    """Bytes that are counted and hashed as they pass."""

    def __init__(self, data: Data, max_bytes: int | None) -> None:
        self._data = data
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Checksum of what has passed."""
        return self._hash.hexdigest()

    def check(self, expected: str) -> None:
        """Raises ChecksumMismatch when something else than promised has passed."""
        if self.sha256 != expected:
            raise ChecksumMismatch(expected, self.sha256)

    async def parts(self, size: int) -> AsyncIterator[bytes]:
        """The bytes in parts of `size`, the last one shorter. Raises BlobTooLarge."""
        gathered = bytearray()
        async for chunk in chunks_of(self._data):
            self.size += len(chunk)
            if self._max_bytes is not None and self.size > self._max_bytes:
                raise BlobTooLarge(self._max_bytes)
            self._hash.update(chunk)
            gathered += chunk
            while len(gathered) >= size:
                yield bytes(gathered[:size])
                del gathered[:size]
        if gathered:
            yield bytes(gathered)


class Upload:
    """One object, written only if it is not there yet, or to replace one that is not what it should be."""

    def __init__(self, aws: Aws, place: dict[str, str], encryption: dict[str, Any], judge: Judge) -> None:
        self._aws = aws
        self._place = place
        self._encryption = encryption
        self._judge = judge

    async def whole(self, data: bytes) -> None:
        """Sends it in one piece. Raises ProviderError."""
        checksum = _base64(hashlib.sha256(data).digest())
        await self._write(
            "put_object", checksum, Body=data, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum, **self._encryption
        )

    async def in_parts(self, first: Sequence[bytes], rest: AsyncIterator[bytes], check: Callable[[], None]) -> None:
        """Sends it part by part, and puts it together once `check` has seen them all pass. Raises ProviderError.

        Whatever goes wrong, the parts are thrown away; what even that fails for, the bucket's lifecycle rule throws away.
        """
        begun = await self._aws.call(
            "s3", "create_multipart_upload", **self._place, ChecksumAlgorithm="SHA256", **self._encryption
        )
        upload_id = begun["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            for part in first:
                parts.append(await self._send(upload_id, len(parts) + 1, part))
            async for part in rest:
                parts.append(await self._send(upload_id, len(parts) + 1, part))
            check()
            if await self._write("complete_multipart_upload", _of(parts), UploadId=upload_id, MultipartUpload={"Parts": parts}):
                return
        except BaseException:
            await asyncio.shield(self._abort(upload_id))
            raise
        await self._abort(upload_id)

    async def _send(self, upload_id: str, number: int, part: bytes) -> dict[str, Any]:
        checksum = _base64(hashlib.sha256(part).digest())
        place = {**self._place, "UploadId": upload_id, "PartNumber": number}
        answer = await self._aws.call("s3", "upload_part", **place, Body=part, ChecksumSHA256=checksum)
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    async def _abort(self, upload_id: str) -> None:
        try:
            await self._aws.call("s3", "abort_multipart_upload", **self._place, UploadId=upload_id)
        except ProviderError:
            return  # the reason it is thrown away for says more, and the bucket's lifecycle rule does it too

    async def _write(self, operation: str, checksum: str, **arguments: Any) -> bool:
        """Writes the object where there is none; False when a good one was there already."""
        condition = {"IfNoneMatch": "*"}
        for tries_left in reversed(range(_TRIES)):
            if tries_left < _TRIES - 2:
                await self._aws.clock.sleep(_PAUSE)
            try:
                await self._aws.call("s3", operation, **self._place, **condition, **arguments)
                return True
            except AwsNotFound as error:
                # A completion that arrived although its answer was lost: the upload is gone, the object is there.
                if error.code != "NoSuchUpload" or await self._judge(self._place, checksum) is not None:
                    raise
                return True
            except AwsError as error:
                if error.code not in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409") or not tries_left:
                    raise
            other = await self._judge(self._place, checksum)
            if other is None:
                return False
            condition = {"IfMatch": other} if other else {"IfNoneMatch": "*"}
        raise AssertionError("unreachable: the last try raises")


def _of(parts: Sequence[dict[str, Any]]) -> str:
    """S3's checksum of an object that came in parts: of their checksums. S3 adds their number, with a dash."""
    return _base64(hashlib.sha256(b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in parts)).digest())


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
