"""What ComfyUI's page keeps for its user: workflows, templates, styles of its own. Small files in the database, by their path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from wake_service.errors import WakebrushError
from wake_service.files.model import BadName, checked_subfolder
from wake_service.store.store import Transaction
from wake_service.store.tables import userdata

#: Of one file, and of all of one artist's.
MOST_BYTES = 10_000_000
MOST_BYTES_IN_ALL = 200_000_000
#: How many files one artist may have.
MOST_FILES = 20_000


class NoteExists(WakebrushError):
    """There is a file of this name, and it was not to be replaced."""


class NoRoom(WakebrushError):
    """More than is kept for one artist; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Note:
    """One file: its path (`workflows/portrait.json`), size in bytes, and moments in epoch seconds."""

    path: str
    size: int
    created_at: float
    modified_at: float


def checked_path(path: str) -> str:
    """A path of a file, written in the one way. Raises BadName."""
    checked = checked_subfolder(path)
    if not checked or path.endswith("/"):
        raise BadName("A file needs a name.")
    return checked


def listing(conn: Connection, artist_id: str, folder: str) -> list[Note]:
    """All files below a folder ("": all), by path."""
    query = _notes().where(userdata.c.artist_id == artist_id)
    if folder:
        query = query.where(userdata.c.path >= f"{folder}/", userdata.c.path < f"{folder}0")  # "0" follows "/"
    return [_note(row) for row in conn.execute(query.order_by(userdata.c.path))]


def find(conn: Connection, artist_id: str, path: str) -> Note | None:
    """One file, without its content."""
    row = conn.execute(_notes().where(_is(artist_id, path))).first()
    return None if row is None else _note(row)


def content(conn: Connection, artist_id: str, path: str) -> bytes | None:
    """What is in a file; None when there is none."""
    return conn.execute(select(userdata.c.data).where(_is(artist_id, path))).scalar()


def write(tx: Transaction, artist_id: str, path: str, data: bytes, now: float, *, overwrite: bool) -> Note:
    """Writes a file. Raises NoteExists, NoRoom, and BadName for a name that is a folder's."""
    old = find(tx.conn, artist_id, path)
    if old is not None and not overwrite:
        raise NoteExists("File already exists")
    if old is None:
        _check_place(tx.conn, artist_id, path)
    _check_room(tx.conn, artist_id, len(data) - (old.size if old else 0), 0 if old else 1)
    dialect: Any = postgresql if tx.conn.dialect.name == "postgresql" else sqlite
    created = old.created_at if old else now
    row = dialect.insert(userdata).values(artist_id=artist_id, path=path, data=data, created_at=created, modified_at=now)
    changes = {"data": row.excluded.data, "modified_at": row.excluded.modified_at}
    tx.conn.execute(row.on_conflict_do_update(index_elements=["artist_id", "path"], set_=changes))
    return Note(path, len(data), created, now)


def move(tx: Transaction, artist_id: str, source: str, target: str, *, overwrite: bool) -> Note | None:
    """Gives a file another path; None when there is none. Raises NoteExists, and BadName as `write` does."""
    note = find(tx.conn, artist_id, source)
    if note is None or source == target:
        return note
    if find(tx.conn, artist_id, target) is None:
        _check_place(tx.conn, artist_id, target, but=source)
    elif not overwrite:
        raise NoteExists("File already exists")
    tx.conn.execute(delete(userdata).where(_is(artist_id, target)))
    tx.conn.execute(update(userdata).where(_is(artist_id, source)).values(path=target))
    return Note(target, note.size, note.created_at, note.modified_at)


def remove(tx: Transaction, artist_id: str, path: str) -> bool:
    """Deletes a file; whether there was one."""
    return bool(tx.conn.execute(delete(userdata).where(_is(artist_id, path))).rowcount)


def forget(tx: Transaction, artist_id: str) -> int:
    """Deletes all of an artist's; how many files."""
    return tx.conn.execute(delete(userdata).where(userdata.c.artist_id == artist_id)).rowcount


def _check_place(conn: Connection, artist_id: str, path: str, but: str | None = None) -> None:
    """On a disk no name is both a file's and a folder's; clients expect it so."""
    parts = path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    files_above = select(userdata.c.path).where(userdata.c.artist_id == artist_id, userdata.c.path.in_(above))
    if set(conn.execute(files_above).scalars()) - {but}:
        raise BadName("One of the folders of this path is a file.")
    if {note.path for note in listing(conn, artist_id, path)} - {but}:
        raise BadName("There is a folder of this name.")


def _check_room(conn: Connection, artist_id: str, more: int, one_more: int) -> None:
    used = select(func.count(), func.coalesce(func.sum(func.length(userdata.c.data)), 0))
    count, size = conn.execute(used.where(userdata.c.artist_id == artist_id)).one()
    if more > 0 and size + more > MOST_BYTES_IN_ALL:
        raise NoRoom(f"Your workflows and notes would take more than {MOST_BYTES_IN_ALL / 1e6:,.0f} MB. Delete some first.")
    if count + one_more > MOST_FILES:
        raise NoRoom(f"You would have more than {MOST_FILES:,} workflows and notes. Delete some first.")


def _notes() -> Any:
    size = func.length(userdata.c.data).label("size")
    return select(userdata.c.path, size, userdata.c.created_at, userdata.c.modified_at)


def _is(artist_id: str, path: str) -> ColumnElement[bool]:
    return (userdata.c.artist_id == artist_id) & (userdata.c.path == path)


def _note(row: Row[Any]) -> Note:
    return Note(row.path, row.size, row.created_at, row.modified_at)
