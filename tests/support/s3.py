"""S3 in this process: moto, with the one account that tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from wake_service.aws.clients import Aws
from wake_service.clock import ManualClock


@contextmanager
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account. Parts of an upload may be of any size: no test should have to send 5 MiB to have two."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    with mock_aws():
        yield


async def inline(work: Callable[[], Any]) -> Any:
    """Runs a blocking call at once."""
    return work()


def in_memory_aws() -> Aws:
    """The account, with a clock of its own."""
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "example")
    return Aws("us-east-1", ManualClock(), run=inline, session=session)
