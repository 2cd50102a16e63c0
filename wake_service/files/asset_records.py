"""Assets of the Comfy API v2: an artist's record of bytes under an id, found again by their blake3. No decisions."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, delete, exists, insert, select, update

from wake_service.store.store import Transaction
from wake_service.store.tables import assets, job_inputs, jobs

#: Outputs are known by an id that follows from where they lie, so that whoever looks first gives them the same one.
_OUTPUTS = uuid.UUID("6f1d1c2e-6a53-4d0b-9a43-1b3b7a4f0c61")


@dataclass(frozen=True, slots=True)
class Asset:
    """One record. `blake3`: 64 hex digits; `size` in bytes; moments in epoch seconds. `job_id`, `node_id`: what made it.

    `expires_at`: when its owner wanted it gone; None leaves it to the retention of pictures.
    """

    id: str
    artist_id: str
    sha256: str
    blake3: str
    file_path: str
    media_type: str
    size: int
    created_at: float
    tags: tuple[str, ...] = ()
    job_id: str | None = None
    node_id: str | None = None
    expires_at: float | None = None


def new_id() -> str:
    """The id of an upload."""
    return str(uuid.uuid4())


def output_id(job_id: str, annotated: str) -> str:
    """The id of what a job left in a file; `annotated` as a graph names it, `sub/a.png [output]`."""
    return str(uuid.uuid5(_OUTPUTS, f"{job_id}/{annotated}"))


def add(tx: Transaction, new: Sequence[Asset]) -> None:
    """Writes records down; those that are there already stay as they are."""
    known = set(tx.conn.execute(select(assets.c.id).where(assets.c.id.in_([asset.id for asset in new]))).scalars())
    rows = [_row(asset) for asset in new if asset.id not in known]
    if rows:
        tx.conn.execute(insert(assets), rows)


def find(conn: Connection, artist_id: str, asset_id: str, now: float) -> Asset | None:
    """One of an artist's assets."""
    return named(conn, artist_id, [asset_id], now).get(asset_id)


def named(conn: Connection, artist_id: str, ids: Collection[str], now: float) -> dict[str, Asset]:
    """Those of these assets that are an artist's, by id."""
    rows = conn.execute(select(assets).where(_alive(artist_id, now), assets.c.id.in_(ids)))
    return {row.id: _asset(row) for row in rows}


def owned(conn: Connection, artist_id: str, blake3: str, now: float) -> list[Asset]:
    """An artist's assets of the same bytes, newest first."""
    query = select(assets).where(_alive(artist_id, now), assets.c.blake3 == blake3)
    return [_asset(row) for row in conn.execute(query.order_by(assets.c.created_at.desc(), assets.c.id))]


def of_jobs(conn: Connection, job_ids: Collection[str]) -> list[Asset]:
    """What jobs left, in order of making."""
    query = select(assets).where(assets.c.job_id.in_(job_ids)).order_by(assets.c.created_at, assets.c.file_path)
    return [_asset(row) for row in conn.execute(query)]


def extend(tx: Transaction, asset: Asset, expires_at: float | None) -> None:
    """Lets an asset go at another moment."""
    tx.conn.execute(update(assets).where(assets.c.id == asset.id).values(expires_at=expires_at))


def in_use(conn: Connection, asset: Asset) -> bool:
    """Whether an unfinished job of its artist starts from these bytes."""
    starting = job_inputs.join(jobs, jobs.c.id == job_inputs.c.job_id)
    mine = (job_inputs.c.artist_id == asset.artist_id) & (job_inputs.c.sha256 == asset.sha256)
    query = select(jobs.c.id).select_from(starting).where(mine, jobs.c.finished_at.is_(None)).limit(1)
    return conn.execute(query).first() is not None


def remove(tx: Transaction, asset: Asset) -> bool:
    """Deletes one record; whether it was there. The bytes stay as long as anything else needs them."""
    return tx.conn.execute(delete(assets).where(assets.c.id == asset.id)).rowcount == 1


def shared(conn: Connection, asset: Asset) -> bool:
    """Whether another of the artist's assets stands for the same bytes under the same name."""
    same = (assets.c.artist_id == asset.artist_id) & (assets.c.sha256 == asset.sha256) & (assets.c.id != asset.id)
    return bool(conn.execute(select(exists().where(same, assets.c.file_path == asset.file_path))).scalar_one())


def _alive(artist_id: str, now: float) -> ColumnElement[bool]:
    return (assets.c.artist_id == artist_id) & (assets.c.expires_at.is_(None) | (assets.c.expires_at > now))


def _row(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.id,
        "artist_id": asset.artist_id,
        "sha256": asset.sha256,
        "blake3": asset.blake3,
        "file_path": asset.file_path,
        "media_type": asset.media_type,
        "size": asset.size,
        "tags": orjson.dumps(asset.tags).decode(),
        "job_id": asset.job_id,
        "node_id": asset.node_id,
        "created_at": asset.created_at,
        "expires_at": asset.expires_at,
    }


def _asset(row: Row[Any]) -> Asset:
    return Asset(
        id=row.id,
        artist_id=row.artist_id,
        sha256=row.sha256,
        blake3=row.blake3,
        file_path=row.file_path,
        media_type=row.media_type,
        size=row.size,
        created_at=row.created_at,
        tags=tuple(orjson.loads(row.tags)),
        job_id=row.job_id,
        node_id=row.node_id,
        expires_at=row.expires_at,
    )
