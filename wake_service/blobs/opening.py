"""The blob store that a service's settings describe."""

from __future__ import annotations

from wake_service.blobs.base import BlobStore
from wake_service.blobs.folder import FolderBlobs
from wake_service.clock import Clock
from wake_service.settings import Settings


def open_blobs(settings: Settings, clock: Clock) -> BlobStore:
    """Where pictures are kept."""
    if settings.aws_bucket is None:
        return FolderBlobs(settings.data / "blobs", min_free_bytes=settings.min_free_bytes)
    from wake_service.aws.clients import Aws  # boto3 is there only where AWS is used
    from wake_service.blobs.s3 import S3Blobs

    aws = Aws(settings.aws_region, clock, endpoint=settings.aws_endpoint)
    return S3Blobs(aws, settings.aws_bucket, prefix="blobs/", key_id=settings.aws_bucket_key)
