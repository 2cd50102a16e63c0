"""A studio on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.jobs.studio import Studio
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    store = Store.sqlite(tmp_path / "test.db")
    upgrade(store.engine)
    yield await Studio(store).open()
    store.close()
