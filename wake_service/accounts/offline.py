"""The database of a data folder, for commands: beside a running service or without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from wake_service.accounts import people
from wake_service.errors import SetupError, WakebrushError
from wake_service.store.migrate import upgrade
from wake_service.store.store import Store, Transaction

T = TypeVar("T")


def change(folder: Path, work: Callable[[Transaction], T]) -> T:
    """Runs one transaction on the data folder's database. Raises SetupError when the folder cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SetupError(f"The data folder {folder} cannot be used: {error.strerror}.") from error
    store = Store.sqlite(folder / "wakebrush.db")

    def with_somebody(tx: Transaction) -> T:
        people.ensure_default(tx, time.time())
        return work(tx)

    try:
        upgrade(store.engine)
        return asyncio.run(store.write(with_somebody))
    finally:
        store.close()


def artist(tx: Transaction, name: str) -> str:
    """The id of the artist of that name. Raises WakebrushError when there is none."""
    found = people.find(tx.conn, name)
    if found is None:
        raise WakebrushError(f"There is no artist “{name}”.")
    return found
