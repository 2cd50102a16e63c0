"""What S3 answers, as sentences about a picture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, FlexibleChecksumError

from wake_service.aws.errors import AwsDenied, AwsError, AwsNotFound, NoCredentials
from wake_service.blobs.base import BlobMissing
from wake_service.errors import BlobCorrupt, ProviderTimeout, StorageError

#: Within what time S3 brings an object back from cold storage (GLACIER, standard: 3 to 5 hours; DEEP_ARCHIVE: within 12).
RESTORE_SECONDS = 12 * 3600


def check_read(expected: str, actual: str) -> None:
    """Raises BlobCorrupt when these bytes are not those that the name stands for."""
    if actual != expected:
        raise _corrupt(expected)


@contextlib.contextmanager
def sentences(verb: str, bucket: str, sha256: str | None = None) -> Iterator[None]:
    """Turns AWS's errors into ours. One that asks for a restore passes through, for the caller to do so."""
    try:
        yield
    except AwsNotFound as error:
        if sha256 is not None and error.code != "NoSuchBucket":
            raise BlobMissing(sha256) from None
        raise _failed(verb, f"there is no bucket “{bucket}”. An admin makes it, or corrects WAKEBRUSH_AWS_BUCKET.") from error
    except AwsError as error:
        if error.code == "InvalidObjectState":
            raise
        raise _failed(verb, _reason(error, bucket)) from error
    except NoCredentials as error:
        raise _failed(verb, str(error)) from error
    except FlexibleChecksumError as error:
        raise _corrupt(sha256 or "") from error
    except (ProviderTimeout, BotoCoreError) as error:
        raise _failed(verb, "S3 did not answer in time. Try again in a minute.") from error


def _reason(error: AwsError, bucket: str) -> str:
    if error.passing:
        return "S3 has too much to do just now. Try again in a minute."
    if isinstance(error, AwsDenied) or error.code == "403":
        return f"the service may not use the bucket “{bucket}” like this. `wakebrush aws doctor` says what is missing."
    return f"{error}."


def _failed(verb: str, reason: str) -> StorageError:
    return StorageError(f"The picture could not be {verb}: {reason}")


def _corrupt(sha256: str) -> BlobCorrupt:
    return BlobCorrupt(f"The picture with checksum {sha256} has changed in the bucket of the service; send or paint it again.")
