"""Transactions. One writer that commits in groups, a few readers; no transaction ever waits for the network."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from wake_service.errors import StorageError, StorageFull

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Works per transaction at most: bounds how long the first one waits for the commit.
MAX_GROUP = 256
READERS = 2
#: How long a patient work waits for others to share their commit, or for an urgent one to overtake it, in seconds. The picture of
#: a trivial graph comes about 7 ms after its engine has begun with it (docs/performance.md).
PATIENCE_SECONDS = 0.01
#: How long the patient ones let the interpreter alone once an urgent work is durable, in seconds: who waits for that one is told
#: first.
BREATH_SECONDS = 0.002
#: The journal beside the database keeps the size of the largest transaction ever; once written back, it is cut to this (bytes).
JOURNAL_BYTES = 16 * 1024 * 1024


class Haste(Enum):
    """How much of a hurry a work is in. All are written in the order in which they came, but for one thing: what is URGENT
    overtakes what is PATIENT while that waits. Neither may depend on the other."""

    PATIENT = auto()
    USUAL = auto()
    URGENT = auto()


@dataclass(slots=True)
class Transaction:
    """What a work gets: a connection, and a list of things to do once it is durable."""

    conn: Connection
    _after: list[Callable[[], None]] = field(default_factory=list)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Runs `action` on the event loop once the transaction survives a power cut; not at all if it fails."""
        self._after.append(action)


@dataclass(slots=True)
class _Work:
    run: Callable[[Transaction], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    haste: Haste


class Store:
    """The database. `write` and `read` take a function of a Transaction or Connection and run it off the event loop.

    Works that arrive while a commit is under way share the next one, so a sync to disk is paid once for many
    (group commit). A work that raises is rolled back alone, to its savepoint. `patience`: how long PATIENT ones wait, in seconds.
    """

    def __init__(self, url: str, patience: float = PATIENCE_SECONDS) -> None:
        self.engine = _engine(url)
        self._patience = patience
        self._held: list[_Work] = []
        self._held_until = 0.0
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        #: The writer's own: to borrow one for every transaction takes longer than a statement.
        self._connection: Connection | None = None
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._write_forever, name="store-write", daemon=True)
        self._writer.start()

    @classmethod
    def sqlite(cls, path: Path, patience: float = PATIENCE_SECONDS) -> Store:
        """The embedded store in one file."""
        return cls(f"sqlite:///{path}", patience)

    async def write(self, work: Callable[[Transaction], T], haste: Haste = Haste.USUAL) -> T:
        """Runs `work` in a transaction; returns once it is durable. Raises what `work` raises, StorageFull or StorageError."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Work(work, loop, done, haste))
        return await done

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` on a consistent view of what is committed."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self.engine.connect() as conn:
                return work(conn)
        except DBAPIError as error:
            raise _storage_error(error) from error

    def close(self) -> None:
        """Finishes what was handed in, then lets go of the database."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _write_forever(self) -> None:
        try:
            self._write_groups()
        finally:
            self._disconnect()

    def _write_groups(self) -> None:
        last = False
        while not last:
            arrived, last = self._arrivals()
            urgent = [work for work in arrived if work.haste is Haste.URGENT]
            patient = [work for work in arrived if work.haste is Haste.PATIENT]
            waited = not arrived  # the patience of those held is over
            if last or waited or len(urgent) + len(patient) < len(arrived) or len(self._held) + len(arrived) >= MAX_GROUP:
                self._commit_held(arrived)
                continue
            if patient and not self._held:
                self._held_until = time.monotonic() + self._patience
            self._held += patient
            if urgent:
                self._commit(urgent)
                self._held_until = time.monotonic() + BREATH_SECONDS

    def _commit_held(self, arrived: list[_Work]) -> None:
        held, self._held = self._held, []
        if group := held + arrived:
            self._commit(group)

    def _arrivals(self) -> tuple[list[_Work], bool]:
        """What has come, at least one work unless some are held for long enough; and whether nothing more will."""
        arrived: list[_Work] = []
        try:
            while len(self._held) + len(arrived) < MAX_GROUP:
                work = self._queue.get(timeout=self._pause(arrived))
                if work is None:
                    return arrived, True
                arrived.append(work)
        except queue.Empty:
            pass
        return arrived, False

    def _pause(self, arrived: list[_Work]) -> float | None:
        """How long the next work is waited for."""
        if arrived:
            return 0.0
        return max(0.0, self._held_until - time.monotonic()) if self._held else None

    def _commit(self, group: list[_Work]) -> None:
        outcomes: list[tuple[_Work, Any, BaseException | None]] = []
        actions: list[Callable[[], None]] = []
        try:
            conn = self._connection = self._connection or self.engine.connect()
            with conn.begin():
                if len(group) == 1:
                    outcomes = [self._run_alone(group[0], conn, actions)]
                else:
                    outcomes = [self._run(work, conn, actions) for work in group]
        except BaseException as error:  # noqa: BLE001 - handed to every waiter; the writer itself must go on
            failure = _storage_error(error) if isinstance(error, DBAPIError) else error
            outcomes, actions = [(work, None, failure) for work in group], []
            self._disconnect()
        group[0].loop.call_soon_threadsafe(_settle, outcomes, actions)

    def _disconnect(self) -> None:
        """The next transaction begins on a connection of which nothing bad is known."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run_alone(
        self, work: _Work, conn: Connection, actions: list[Callable[[], None]]
    ) -> tuple[_Work, Any, BaseException | None]:
        """What it raises ends the transaction, in which there is nothing else: it needs no savepoint."""
        transaction = Transaction(conn)
        value = work.run(transaction)
        actions.extend(transaction._after)
        return work, value, None

    def _run(self, work: _Work, conn: Connection, actions: list[Callable[[], None]]) -> tuple[_Work, Any, BaseException | None]:
        transaction = Transaction(conn)
        savepoint = conn.begin_nested()
        try:
            value = work.run(transaction)
        except DBAPIError as error:
            if not isinstance(_storage_error(error), StorageFull):
                savepoint.rollback()
                return work, None, _storage_error(error)
            raise  # a full disk ends SQLite's whole transaction
        except Exception as error:  # noqa: BLE001 - handed to the one who waits for it
            savepoint.rollback()
            return work, None, error
        savepoint.commit()
        actions.extend(transaction._after)
        return work, value, None


def _settle(outcomes: list[tuple[_Work, Any, BaseException | None]], actions: list[Callable[[], None]]) -> None:
    for action in actions:
        try:
            action()
        except Exception:  # it is stored all the same, and those who wait must learn so
            log.exception("A consequence of what was stored failed")
    for work, value, error in outcomes:
        if work.done.done():
            continue
        if error is None:
            work.done.set_result(value)
        else:
            work.done.set_exception(error)


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, so that savepoints work
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-32000",
            f"journal_size_limit={JOURNAL_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        mode = "IMMEDIATE" if threading.current_thread().name == "store-write" else "DEFERRED"
        conn.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _storage_error(error: DBAPIError) -> StorageError:
    text = str(error.orig)
    if "disk is full" in text or "No space left" in text or "disk I/O error" in text:
        return StorageFull("The service's disk is full. Nothing that was accepted is lost; make room and try again.")
    return StorageError(f"The database answered: {text}")
