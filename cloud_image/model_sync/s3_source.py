"""Models in an S3 bucket, below a prefix, in ComfyUI's layout."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from urllib3.exceptions import HTTPError

from cloud_image.errors import ModelError

from .names import ABOUT, about_name, is_name
from .plan import Remote
from .source import CHUNK_BYTES, Listing, ModelChanged, as_remote

#: Files of a few hundred bytes that are read at once.
_AT_ONCE = 8
_GONE = frozenset({"NoSuchKey", "404"})
_CHANGED = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
_PASSING = frozenset(
    {
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestTimeout",
        "InternalError",
        "ServiceUnavailable",
        "500",
        "502",
        "503",
    }
)
_DENIED = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})


def s3_client(region: str | None = None, endpoint: str | None = None) -> Any:
    """A client whose repeats are ours (transfer.py): its own would start a file again that is nearly here."""
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"} if endpoint else None,
        response_checksum_validation="when_required",  # S3's own is of a whole object, ours of what arrived in pieces
        max_pool_connections=2 * _AT_ONCE,
    )
    return boto3.session.Session().client("s3", region_name=region, endpoint_url=endpoint, config=config)


class S3Source:
    """The bucket's objects below `prefix` (which ends with a slash, or is empty)."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def listing(self) -> Listing:
        objects: dict[str, dict[str, Any]] = {}
        with self._sentences():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
                for entry in page.get("Contents", ()):
                    objects[entry["Key"].removeprefix(self._prefix)] = entry
        names = [name for name in objects if is_name(name)]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            abouts = list(threads.map(lambda name: self._about(name) if about_name(name) in objects else None, names))
        found, unclear, troubles = [], set(), []
        for name, about in zip(names, abouts, strict=True):
            entry = objects[name]
            try:
                found.append(as_remote(name, entry["Size"], entry["ETag"], entry["LastModified"].timestamp(), about))
            except ValueError as trouble:
                unclear.add(name)
                troubles.append(str(trouble))
        strange = [name for name in objects if name not in names and not name.startswith(f"{ABOUT}/") and not name.endswith("/")]
        if strange:
            troubles.append(f"These are in none of ComfyUI's folders, and are not brought: {', '.join(sorted(strange)[:5])}")
        return Listing(found, troubles, frozenset(unclear))

    def _about(self, name: str) -> bytes | None:
        try:
            with self._sentences(name):
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + about_name(name))["Body"].read()
                return body
        except ModelChanged:
            return None  # it went between the listing and now: as if it had never been written

    def read(self, model: Remote, start: int) -> Iterator[bytes]:
        with self._sentences(model.name):
            place = {"Bucket": self._bucket, "Key": self._prefix + model.name}
            answer = self._client.get_object(**place, Range=f"bytes={start}-", IfMatch=model.etag)
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK_BYTES)

    @contextmanager
    def _sentences(self, name: str = "") -> Iterator[None]:
        what = name or "The list of models"
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if name and code in _GONE | _CHANGED:
                raise ModelChanged(name) from error
            raise ModelError(f"{what} cannot be read: {self._reason(code)}", passing=code in _PASSING) from error
        except NoCredentialsError as error:
            raise ModelError(f"{what} cannot be read: this machine has no role. The stack's machines have one.") from error
        except (BotoCoreError, HTTPError, OSError) as error:
            raise ModelError(f"{what} cannot be read: the connection to S3 broke ({error}).", passing=True) from error

    def _reason(self, code: str) -> str:
        if code in _PASSING:
            return "S3 has too much to do just now."
        if code in _DENIED:
            return f"this machine may not read models/ of the bucket “{self._bucket}”. Its role must allow it (docs/aws.md)."
        if code == "NoSuchBucket":
            return f"there is no bucket “{self._bucket}”. Correct models.source in machine.toml."
        return f"S3 answered {code}."
