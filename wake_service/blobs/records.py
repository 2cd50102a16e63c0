"""Blobs in the database: who may see what, until when, and which checksums may have bytes. No decisions."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from wake_service.blobs.base import BlobSwept
from wake_service.store.store import Transaction
from wake_service.store.tables import blob_bytes, blob_grants, blob_journal, blobs


def expect_bytes(tx: Transaction, sha256: str, now: float) -> bool:
    """Says that bytes are about to be stored, so that they are found should nobody come to use them.

    False while the sweeper is removing earlier ones: what is stored now might go with them.
    """
    row = {"sha256": sha256, "touched_at": now, "leaving": False}
    return tx.conn.execute(_expectation(tx.conn.dialect.name), row).rowcount == 1


def add_blob(
    tx: Transaction, artist_id: str, sha256: str, media_type: str, now: float, *, pinned_until: float, **size: int
) -> None:
    """Writes a blob down and grants it to an artist; both may be known already. Its bytes were stored before.

    `size` is its `size` in bytes, and `width` and `height` in pixels: 0 for what nobody has looked at as a picture. Raises
    BlobSwept when its bytes were swept meanwhile.
    """
    dialect = tx.conn.dialect.name
    if tx.conn.execute(_STAYING, {"sha256": sha256}).first() is None:
        raise BlobSwept(sha256)
    known = tx.conn.execute(_WIDTH, {"sha256": sha256}).first() if size["width"] else None
    if known is None:  # or nothing new is known of it: then a row that is there stays
        tx.conn.execute(_blob(dialect), {"sha256": sha256, "media_type": media_type, "created_at": now, **size})
    elif not known.width:
        seen = {"media_type": media_type, "width": size["width"], "height": size["height"]}
        tx.conn.execute(update(blobs).where(blobs.c.sha256 == sha256).values(**seen))
    tx.conn.execute(_grant(dialect), {"artist_id": artist_id, "sha256": sha256, "pinned_until": pinned_until})


def pin(tx: Transaction, artist_id: str, checksums: Collection[str], until: float) -> int:
    """Keeps an artist's blobs at least until then; how many of them she has."""
    mine = (blob_grants.c.artist_id == artist_id) & blob_grants.c.sha256.in_(checksums)
    return tx.conn.execute(update(blob_grants).where(mine).values(pinned_until=until)).rowcount


def is_picture(conn: Connection, sha256: str) -> bool:
    """Whether somebody has looked at a blob as a picture: then its size in pixels is known."""
    known = select(blobs.c.sha256).where(blobs.c.sha256 == sha256, blobs.c.width > 0)
    return conn.execute(known).first() is not None


def granted(conn: Connection, artist_id: str, sha256: str) -> bool:
    """Whether an artist may see a blob."""
    mine = (blob_grants.c.artist_id == artist_id) & (blob_grants.c.sha256 == sha256)
    return conn.execute(select(blob_grants.c.sha256).where(mine)).first() is not None


def used_bytes(conn: Connection, artist_id: str) -> int:
    """Bytes of everything that an artist may see; what two artists have counts for each."""
    query = select(func.coalesce(func.sum(blobs.c.size), 0)).join_from(blob_grants, blobs)
    return int(conn.execute(query.where(blob_grants.c.artist_id == artist_id)).scalar_one())


def drop_grants_of(tx: Transaction, artist_id: str) -> int:
    """Takes everything from an artist; how many blobs that were."""
    return tx.conn.execute(delete(blob_grants).where(blob_grants.c.artist_id == artist_id)).rowcount


def unknown_bytes(conn: Connection, untouched_since: float) -> list[str]:
    """Checksums whose bytes no blob needs, and that nobody has put since then; those whose removal broke off come first."""
    query = select(blob_bytes.c.sha256).where(_unneeded(untouched_since))
    return list(conn.execute(query.order_by(blob_bytes.c.leaving.desc(), blob_bytes.c.touched_at)).scalars())


def begin_leaving(tx: Transaction, checksums: Collection[str], untouched_since: float, arriving: Collection[str]) -> list[str]:
    """Claims bytes for removal, if still nobody needs them; those that were claimed.

    Those `arriving` are let be, unless earlier bytes were leaving before: those that come wait for that to end.
    """
    quiet = blob_bytes.c.leaving.is_(True) | blob_bytes.c.sha256.not_in(arriving)
    claim = update(blob_bytes).where(blob_bytes.c.sha256.in_(checksums), _unneeded(untouched_since), quiet).values(leaving=True)
    return list(tx.conn.execute(claim.returning(blob_bytes.c.sha256)).scalars())


def end_leaving(tx: Transaction, checksums: Collection[str]) -> None:
    """The bytes are gone; they may be put again."""
    tx.conn.execute(delete(blob_bytes).where(blob_bytes.c.sha256.in_(checksums), blob_bytes.c.leaving.is_(True)))


def stop_leaving(tx: Transaction, checksums: Collection[str], now: float) -> None:
    """The bytes would not go: they may be put again, and are removed another time."""
    tx.conn.execute(update(blob_bytes).where(blob_bytes.c.sha256.in_(checksums)).values(leaving=False, touched_at=now))


def add_journaled(tx: Transaction, sha256: str, data: bytes) -> None:
    """Keeps bytes that are on their way into the blob store."""
    tx.conn.execute(_journaling(tx.conn.dialect.name), {"sha256": sha256, "data": data})


def journaled(conn: Connection) -> list[tuple[str, bytes]]:
    """Checksums and bytes that may not be in the blob store yet."""
    return [(row.sha256, row.data) for row in conn.execute(select(blob_journal))]


def forget_journaled(tx: Transaction, checksums: Collection[str]) -> None:
    """The blob store has them."""
    tx.conn.execute(delete(blob_journal).where(blob_journal.c.sha256.in_(checksums)))


def _unneeded(untouched_since: float) -> ColumnElement[bool]:
    """What is on its way into the store is let be: it would come after its removal."""
    needed = exists().where(blobs.c.sha256 == blob_bytes.c.sha256)
    coming = exists().where(blob_journal.c.sha256 == blob_bytes.c.sha256)
    return ~needed & ~coming & (blob_bytes.c.leaving.is_(True) | (blob_bytes.c.touched_at <= untouched_since))


# Every picture on its way home needs these. They are built once: to build one takes longer than SQLite's whole work on it.
_STAYING = select(blob_bytes.c.sha256).where(blob_bytes.c.sha256 == bindparam("sha256"), blob_bytes.c.leaving.is_(False))
_WIDTH = select(blobs.c.width).where(blobs.c.sha256 == bindparam("sha256"))


@cache
def _expectation(dialect: str) -> Any:
    row = _insert(dialect, blob_bytes)
    newer = {"touched_at": row.excluded.touched_at}
    return row.on_conflict_do_update(index_elements=["sha256"], set_=newer, where=blob_bytes.c.leaving.is_(False))


@cache
def _journaling(dialect: str) -> Any:
    return _insert(dialect, blob_journal).on_conflict_do_nothing()


@cache
def _blob(dialect: str) -> Any:
    return _insert(dialect, blobs).on_conflict_do_nothing()


@cache
def _grant(dialect: str) -> Any:
    row = _insert(dialect, blob_grants)
    longer = {"pinned_until": row.excluded.pinned_until}
    where = blob_grants.c.pinned_until < row.excluded.pinned_until
    return row.on_conflict_do_update(index_elements=["artist_id", "sha256"], set_=longer, where=where)


def _insert(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
