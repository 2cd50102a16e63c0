"""A clock that the test moves, and an AWS account that lives by it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import Cloud
from wake_service.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def cloud(clock: ManualClock) -> AsyncIterator[Cloud]:
    cloud = Cloud(clock)
    yield cloud
    await cloud.close()
