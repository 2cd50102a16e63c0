"""ComfyUI's settings of an artist: one JSON object each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from wake_service.errors import WakebrushError
from wake_service.store.store import Transaction
from wake_service.store.tables import comfy_settings

#: The whole of one artist's settings, as JSON.
MOST_BYTES = 1_000_000


class TooManySettings(WakebrushError):
    """More settings than are kept for one artist; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(f"The settings would take more than {MOST_BYTES:,} bytes; nothing was changed.")


def read(conn: Connection, artist_id: str) -> dict[str, Any]:
    """All settings of an artist."""
    document = conn.execute(select(comfy_settings.c.document).where(comfy_settings.c.artist_id == artist_id)).scalar()
    settings: dict[str, Any] = {} if document is None else orjson.loads(document)
    return settings


def merge(tx: Transaction, artist_id: str, changes: Mapping[str, Any]) -> None:
    """Changes some settings. Raises TooManySettings."""
    document = orjson.dumps(read(tx.conn, artist_id) | dict(changes))
    if len(document) > MOST_BYTES:
        raise TooManySettings
    dialect: Any = postgresql if tx.conn.dialect.name == "postgresql" else sqlite
    row = dialect.insert(comfy_settings).values(artist_id=artist_id, document=document.decode())
    tx.conn.execute(row.on_conflict_do_update(index_elements=["artist_id"], set_={"document": row.excluded.document}))


def forget(tx: Transaction, artist_id: str) -> None:
    """Deletes an artist's settings."""
    tx.conn.execute(delete(comfy_settings).where(comfy_settings.c.artist_id == artist_id))
