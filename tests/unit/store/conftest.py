"""A store with one small table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wake_service.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.sqlite(tmp_path / "test.db")
    with store.engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE words (word TEXT PRIMARY KEY, size INTEGER)")
    yield store
    store.close()
