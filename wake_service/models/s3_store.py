"""Models in an S3 bucket, below `models/`: where machines sync them from."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError

from wake_service.aws.clients import Answer, Aws
from wake_service.aws.errors import AwsDenied, AwsError, AwsNotFound
from wake_service.errors import ModelError, ProviderError
from wake_service.models.about import About
from wake_service.models.names import about_name, is_name
from wake_service.models.store import Entry, Gauge, Inventory, believed

PREFIX = "models/"
#: S3 takes 10,000 parts: up to 312 GiB in all.
PART_BYTES = 32 * 1024 * 1024


class S3Models:
    """A ModelStore in one bucket, encrypted as the bucket's pictures are. What had arrived of a put that broke off is not sent
    again within two days (the bucket's lifecycle rule then throws it away)."""

    def __init__(
        self, aws: Aws, bucket: str, *, prefix: str = PREFIX, key_id: str | None = None, part_bytes: int = PART_BYTES
    ) -> None:
        self._aws = aws
        self._bucket = bucket
        self._prefix = prefix
        self._part_bytes = part_bytes
        self._encryption: dict[str, Any] = {"ServerSideEncryption": "AES256"}
        if key_id is not None:
            self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, "BucketKeyEnabled": True}
        aws.client("s3")  # made here: making one is not safe in several threads at once, using it is

    @property
    def place(self) -> str:
        return f"s3://{self._bucket}/{self._prefix.rstrip('/')}"

    async def inventory(self) -> Inventory:
        with self._sentences("listed"):
            sizes = await self._sizes()
            names = sorted(name for name in sizes if is_name(name))
            known = [name for name in names if about_name(name) in sizes]
            texts = dict(zip(known, await asyncio.gather(*map(self._about, known)), strict=True))
        found = Inventory()
        for name in names:
            about = believed(name, sizes[name], texts.get(name), found.troubles)
            found.entries.append(Entry(name, sizes[name], about))
        return found

    async def _sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        more: dict[str, str] = {}
        while True:
            page = await self._aws.call("s3", "list_objects_v2", Bucket=self._bucket, Prefix=self._prefix, **more)
            sizes |= {entry["Key"].removeprefix(self._prefix): entry["Size"] for entry in page.get("Contents", ())}
            if not page.get("NextContinuationToken"):
                return sizes
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def _about(self, name: str) -> bytes | None:
        try:
            answer = await self._aws.call("s3", "get_object", **self._place(about_name(name)))
        except AwsNotFound:
            return None  # removed since it was listed
        text: bytes = await asyncio.to_thread(answer["Body"].read)
        return text

    async def put(self, name: str, chunks: AsyncIterator[bytes], size: int, sha256: str | None = None) -> str:
        gauge = Gauge(name, size, sha256)
        with self._sentences("stored"):
            parts = _parts(chunks, gauge, self._part_bytes)
            first = await anext(parts, b"")
            if size <= self._part_bytes:
                gauge.check()
                checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _base64(hashlib.sha256(first).digest())}
                await self._aws.call("s3", "put_object", **self._place(name), Body=first, **checksum, **self._encryption)
            else:
                await self._in_parts(name, first, parts, gauge)
        return gauge.sha256

    async def _in_parts(self, name: str, first: bytes, rest: AsyncIterator[bytes], gauge: Gauge) -> None:
        upload_id, arrived = await self._begun(name)
        place = {**self._place(name), "UploadId": upload_id}
        sent = [await self._send(place, 1, first, arrived)]
        async for part in rest:
            sent.append(await self._send(place, len(sent) + 1, part, arrived))
        try:
            gauge.check()
        except ModelError:
            # Broken off: what has arrived is of use to the next try. Something else than was promised is of use to nobody.
            if gauge.complete:
                await self._aws.call("s3", "abort_multipart_upload", **place)
            raise
        await self._aws.call("s3", "complete_multipart_upload", **place, MultipartUpload={"Parts": sent})

    async def _begun(self, name: str) -> tuple[str, dict[int, dict[str, Any]]]:
        """The upload to go on with, and its parts that have arrived; a new one where there is none."""
        place = self._place(name)
        uploads = await self._aws.call("s3", "list_multipart_uploads", Bucket=self._bucket, Prefix=place["Key"])
        for upload in uploads.get("Uploads", ()):
            if upload["Key"] == place["Key"]:
                return upload["UploadId"], await self._arrived({**place, "UploadId": upload["UploadId"]})
        begun = await self._aws.call("s3", "create_multipart_upload", **place, ChecksumAlgorithm="SHA256", **self._encryption)
        return begun["UploadId"], {}

    async def _arrived(self, place: dict[str, str]) -> dict[int, dict[str, Any]]:
        arrived: dict[int, dict[str, Any]] = {}
        more: dict[str, int] = {}
        while True:
            page: Answer = await self._aws.call("s3", "list_parts", **place, **more)
            arrived |= {part["PartNumber"]: part for part in page.get("Parts", ())}
            if not page.get("IsTruncated"):
                return arrived
            more = {"PartNumberMarker": page["NextPartNumberMarker"]}

    async def _send(self, place: dict[str, str], number: int, part: bytes, arrived: dict[int, dict[str, Any]]) -> dict[str, Any]:
        checksum = _base64(await asyncio.to_thread(lambda: hashlib.sha256(part).digest()))
        known = arrived.get(number, {})
        if known.get("ChecksumSHA256") == checksum and known.get("Size") == len(part):
            return {"PartNumber": number, "ETag": known["ETag"], "ChecksumSHA256": checksum}
        answer = await self._aws.call("s3", "upload_part", **place, PartNumber=number, Body=part, ChecksumSHA256=checksum)
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    async def describe(self, about: About) -> None:
        with self._sentences("described"):
            body = about.model_dump_json().encode()
            await self._aws.call("s3", "put_object", **self._place(about_name(about.name)), Body=body, **self._encryption)

    async def remove(self, name: str) -> bool:
        with self._sentences("removed"):
            try:
                await self._aws.call("s3", "head_object", **self._place(name))
            except AwsNotFound as error:
                if error.code == "NoSuchBucket":
                    raise
                return False
            for key in (name, about_name(name)):
                await self._aws.call("s3", "delete_object", **self._place(key))
            return True

    def _place(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    @contextlib.contextmanager
    def _sentences(self, verb: str) -> Iterator[None]:
        try:
            yield
        except AwsNotFound as error:
            raise ModelError(f"Models cannot be {verb}: there is no bucket “{self._bucket}”. Correct aws_bucket.") from error
        except AwsDenied as error:
            reason = f"these credentials may not use {self.place} like this ({error.code})"
            raise ModelError(f"Models cannot be {verb}: {reason}. `wakebrush aws doctor` says what is missing.") from error
        except AwsError as error:
            raise ModelError(f"Models cannot be {verb}: {error}.") from error
        except (ProviderError, BotoCoreError) as error:
            raise ModelError(f"Models cannot be {verb}: {error}") from error


async def _parts(chunks: AsyncIterator[bytes], gauge: Gauge, size: int) -> AsyncIterator[bytes]:
    """The bytes in parts of `size`, the last one shorter."""
    gathered = bytearray()
    async for chunk in chunks:
        gauge.add(chunk)
        gathered += chunk
        while len(gathered) >= size:
            yield bytes(gathered[:size])
            del gathered[:size]
    if gathered:
        yield bytes(gathered)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
