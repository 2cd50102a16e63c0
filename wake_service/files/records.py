"""An artist's files in the database. Which name a new one gets is decided in numbering.py."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from wake_service.blobs.records import add_blob
from wake_service.files.media import blob_media_type
from wake_service.files.model import FileName, StoredFile, checked_folder, tamed
from wake_service.files.numbering import Numbered, beyond, follower, next_copy, numbered
from wake_service.store.store import Transaction
from wake_service.store.tables import files

#: Least seconds between two files of one job, so that they stay in the order of making.
_TICK = 1e-6


def find(conn: Connection, artist_id: str, name: FileName) -> StoredFile | None:
    """One file of an artist."""
    at = {"artist": artist_id, "in_folder": name.folder, "in_subfolder": name.subfolder, "called": name.name}
    row = conn.execute(_ONE, at).first()
    return None if row is None else _stored(row)


def listing(conn: Connection, artist_id: str, folder: str, subfolder: str | None = None) -> list[StoredFile]:
    """An artist's files in a folder by name: directly in one subfolder of it, or (None) in all."""
    query = select(files).where(files.c.artist_id == artist_id, files.c.folder == folder)
    if subfolder is not None:
        query = query.where(files.c.subfolder == subfolder)
    return [_stored(row) for row in conn.execute(query.order_by(files.c.subfolder, files.c.name))]


def names(conn: Connection, artist_id: str, folder: str, subfolder: str, *, newest_first: bool = False) -> list[str]:
    """Names of an artist's files directly in a subfolder, sorted, or the newest first."""
    here = (files.c.artist_id == artist_id) & (files.c.folder == folder) & (files.c.subfolder == subfolder)
    query = select(files.c.name).where(here)
    return list(conn.execute(query.order_by(files.c.at.desc() if newest_first else files.c.name)).scalars())


def of_job(conn: Connection, job_id: str) -> list[StoredFile]:
    """What a job made, in order of making."""
    return [_stored(row) for row in conn.execute(_OF_JOB, {"of": job_id})]


def add_upload(
    tx: Transaction,
    *,
    artist_id: str,
    name: FileName,
    sha256: str,
    size: int,
    media_type: str,
    overwrite: bool,
    now: float,
) -> FileName:
    """Puts an artist's own file into a folder; under which name.

    The same name with the same content keeps the name; with other content it becomes `a (1).png` and so on, unless `overwrite`.
    Raises BlobSwept when its bytes are gone again.
    """
    add_blob(tx, artist_id, sha256, blob_media_type(media_type), now, pinned_until=now, size=size, width=0, height=0)
    given = name if overwrite else _upload_name(tx.conn, artist_id, name, sha256)
    _put(tx, artist_id, given, sha256=sha256, size=size, media_type=media_type, at=now, job_id=None, node_id=None)
    return given


def add_output(
    tx: Transaction,
    *,
    artist_id: str,
    folder: str,
    subfolder: str,
    name: str,
    sha256: str,
    size: int,
    media_type: str,
    job_id: str,
    node_id: str | None,
    now: float,
) -> FileName:
    """Puts what a job made into its artist's folder; under which name.

    `subfolder` and `name` are those of the engine, without the job's own folder. `ComfyUI_00001_.png` gets the next free number;
    a name without a number stays if it is free or the job's own (made anew), else it becomes `a (1).png`. What a node named
    badly is kept under a name that is none. Raises BlobSwept when its bytes are gone again.
    """
    wanted = tamed(folder, subfolder, name)
    add_blob(tx, artist_id, sha256, blob_media_type(media_type), now, pinned_until=now, size=size, width=0, height=0)
    given = _output_name(tx.conn, artist_id, wanted, job_id)
    _put(
        tx,
        artist_id,
        given,
        sha256=sha256,
        size=size,
        media_type=media_type,
        job_id=job_id,
        node_id=node_id,
        at=_later(tx, job_id, now),
    )
    return given


def add_named(
    tx: Transaction,
    *,
    artist_id: str,
    name: FileName,
    sha256: str,
    size: int,
    media_type: str,
    job_id: str,
    node_id: str,
    now: float,
) -> FileName:
    """As `add_output` for a name that says which job, node and turn made the file: it is looked up, not counted.

    The same file stored once more keeps its name; another one under that name (of a node whose id was tamed to the same) is
    counted on. Raises BlobSwept when its bytes are gone again.
    """
    wanted = tamed(name.folder, name.subfolder, name.name)
    there = find(tx.conn, artist_id, wanted)
    if there is not None and (there.job_id, there.sha256) != (job_id, sha256):
        return add_output(
            tx,
            artist_id=artist_id,
            folder=wanted.folder,
            subfolder=wanted.subfolder,
            name=wanted.name,
            sha256=sha256,
            size=size,
            media_type=media_type,
            job_id=job_id,
            node_id=node_id,
            now=now,
        )
    add_blob(tx, artist_id, sha256, blob_media_type(media_type), now, pinned_until=now, size=size, width=0, height=0)
    if there is None:
        made = {"sha256": sha256, "size": size, "media_type": media_type, "job_id": job_id, "node_id": node_id}
        _put(tx, artist_id, wanted, at=_later(tx, job_id, now), **made)
    return wanted


def remove(tx: Transaction, artist_id: str, name: FileName) -> bool:
    """Takes a file out of an artist's folders; whether there was one. Its bytes go once nobody needs them."""
    return bool(tx.conn.execute(delete(files).where(_is(artist_id, name))).rowcount)


def remove_of_job(tx: Transaction, job_id: str) -> int:
    """Takes out what a job made; how many files."""
    return tx.conn.execute(delete(files).where(files.c.job_id == job_id)).rowcount


def _upload_name(conn: Connection, artist_id: str, name: FileName, sha256: str) -> FileName:
    copies = f"{_stem(name.name)} ("
    rows = conn.execute(
        select(files.c.name, files.c.sha256).where(
            _beside(artist_id, name), (files.c.name == name.name) | _begins(copies, copies[:-1] + ")")
        )
    ).all()
    taken = {row.name for row in rows if row.sha256 != sha256}
    return FileName(name.folder, name.subfolder, next_copy(name.name, taken))


def _output_name(conn: Connection, artist_id: str, name: FileName, job_id: str) -> FileName:
    count = numbered(name.name)
    if count is not None:
        return FileName(name.folder, name.subfolder, count.at(_number(conn, artist_id, name, count, job_id)))
    copies = f"{_stem(name.name)} ("
    there = (files.c.name == name.name) | _begins(copies, copies[:-1] + ")")
    others = select(files.c.name).where(_beside(artist_id, name), there, _not_of(job_id))
    return FileName(name.folder, name.subfolder, next_copy(name.name, set(conn.execute(others).scalars())))


def _number(conn: Connection, artist_id: str, name: FileName, count: Numbered, job_id: str) -> int:
    """An artist may have 100,000 files of one prefix, and a job may make 10,000: no step but the last looks at all of either."""
    beside = {"artist": artist_id, "in_folder": name.folder, "in_subfolder": name.subfolder}
    alike = {**beside, "first": count.prefix + "0", "beyond": count.prefix + ":"}

    def taken(number: int) -> bool:
        same = f"{count.prefix}{number:05}"
        bearing = {"first": same, "beyond": same + "\U0010ffff", "of": job_id, "called": count.at(number)}
        return conn.execute(_BEARING, {**beside, **bearing}).first() is not None

    first = _first_of_job(conn, name, count, job_id)
    if first is not None and not taken(number := follower(count, first)):
        return number
    # Nearly always the highest name has the highest number.
    if not taken(number := beyond(count.prefix, conn.execute(_HIGHEST, alike).scalars())):
        return number
    return beyond(count.prefix, conn.execute(_ALL_ALIKE, alike).scalars())


def _first_of_job(conn: Connection, name: FileName, count: Numbered, job_id: str) -> str | None:
    """The first file of a prefix that a job made."""
    range_of = {"first": count.prefix + "0", "beyond": count.prefix + ":"}
    return conn.execute(
        _FIRST_OF_JOB, {"of": job_id, "in_folder": name.folder, "in_subfolder": name.subfolder, **range_of}
    ).scalar()


def _later(tx: Transaction, job_id: str, now: float) -> float:
    """`now`, or just behind what the job has made before."""
    last = tx.conn.execute(_LAST, {"of": job_id}).scalar()
    return now if last is None else max(now, last + _TICK)


def _put(tx: Transaction, artist_id: str, name: FileName, **values: Any) -> None:
    key = {"artist_id": artist_id, "folder": name.folder, "subfolder": name.subfolder, "name": name.name}
    tx.conn.execute(_placing(tx.conn.dialect.name), {**key, **values})


@cache
def _placing(dialect: str) -> Any:
    row: Any = (postgresql if dialect == "postgresql" else sqlite).insert(files)
    new = {name: row.excluded[name] for name in ("sha256", "size", "media_type", "at", "job_id", "node_id")}
    return row.on_conflict_do_update(index_elements=["artist_id", "folder", "subfolder", "name"], set_=new)


# What every result needs is built once: to build a statement takes longer than SQLite's whole work on it.
_LAST = select(func.max(files.c.at)).where(files.c.job_id == bindparam("of"))
_OF_JOB = select(files).where(files.c.job_id == bindparam("of")).order_by(files.c.at)
_HERE = (
    (files.c.artist_id == bindparam("artist"))
    & (files.c.folder == bindparam("in_folder"))
    & (files.c.subfolder == bindparam("in_subfolder"))
)
_ONE = select(files).where(_HERE, files.c.name == bindparam("called"))
_ALIKE = select(files.c.name).where(_HERE, files.c.name >= bindparam("first"), files.c.name < bindparam("beyond"))
_ALL_ALIKE = _ALIKE.order_by(files.c.name.desc())
_HIGHEST = _ALL_ALIKE.limit(1)
_FOREIGN = files.c.job_id.is_(None) | (files.c.job_id != bindparam("of"))
_BEARING = _ALIKE.where(_FOREIGN | (files.c.name == bindparam("called"))).limit(1)
#: Columns are wrapped where the wrong index would be taken for the better one.
_FIRST_OF_JOB = (
    select(files.c.name)
    .where(
        files.c.job_id == bindparam("of"),
        func.coalesce(files.c.folder, "") == bindparam("in_folder"),
        func.coalesce(files.c.subfolder, "") == bindparam("in_subfolder"),
        func.coalesce(files.c.name, "") >= bindparam("first"),
        func.coalesce(files.c.name, "") < bindparam("beyond"),
    )
    .order_by(files.c.at)
    .limit(1)
)


def _is(artist_id: str, name: FileName) -> ColumnElement[bool]:
    return _beside(artist_id, name) & (files.c.name == name.name)


def _beside(artist_id: str, name: FileName) -> ColumnElement[bool]:
    place = (files.c.folder == name.folder) & (files.c.subfolder == name.subfolder)
    return (files.c.artist_id == artist_id) & place


def _begins(first: str, beyond: str) -> ColumnElement[bool]:
    """Names from `first` up to, but without, `beyond`: a range, which the key finds at once."""
    return (files.c.name >= first) & (files.c.name < beyond)


def _not_of(job_id: str) -> ColumnElement[bool]:
    return files.c.job_id.is_(None) | (files.c.job_id != job_id)


def _stem(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def _stored(row: Row[Any]) -> StoredFile:
    name = FileName(checked_folder(row.folder), row.subfolder, row.name)
    return StoredFile(name, row.sha256, row.size, row.media_type, row.at, row.job_id, row.node_id)
