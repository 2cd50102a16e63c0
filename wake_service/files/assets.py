"""Assets of the Comfy API v2: what an artist has sent or made, under ids, and at the same time a file of her ComfyUI folders."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakValueDictionary

from blake3 import blake3
from cachetools import LRUCache
from sqlalchemy import Connection

from wake_service.blobs.base import BlobMissing, BlobSwept
from wake_service.blobs.records import add_blob
from wake_service.blobs.shelf import Shelf
from wake_service.clock import Clock
from wake_service.errors import BlobCorrupt, StorageError
from wake_service.files import asset_records as records
from wake_service.files import records as files
from wake_service.files.asset_records import Asset
from wake_service.files.folders import Folders
from wake_service.files.model import BadName, FileName, StoredFile, file_name, parse
from wake_service.store.store import Store, Transaction

log = logging.getLogger(__name__)

#: Where bytes go that a graph refers to by id, if another file has their own name by now.
_APART = "assets"
_TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An asset that is asked for: a path below the input folder, tags, and when it may go (epoch seconds)."""

    name: FileName
    media_type: str | None = None
    tags: tuple[str, ...] = ()
    expires_at: float | None = None


class Assets:
    """One per service. Whoever looks first at what a job made writes it down as assets; everybody gets the same ids."""

    def __init__(self, store: Store, folders: Folders, shelf: Shelf, clock: Clock) -> None:
        self._store = store
        self._shelf = shelf
        self._folders = folders
        self._blobs = folders.blobs
        self._clock = clock
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        #: Outputs that could not be written down, as the disk is full: they can be fetched all the same.
        self._unwritten: LRUCache[str, Asset] = LRUCache(4096)

    async def find(self, artist_id: str, asset_id: str) -> Asset | None:
        """One of an artist's assets."""
        now = self._clock.now()
        found = await self._store.read(lambda conn: records.find(conn, artist_id, asset_id, now))
        unwritten = self._unwritten.get(asset_id)
        return found or (unwritten if unwritten is not None and unwritten.artist_id == artist_id else None)

    async def owned(self, artist_id: str, hashed: str) -> Asset | None:
        """The artist's newest asset of these bytes (blake3, 64 hex digits), if they are there."""
        now = self._clock.now()
        for asset in await self._store.read(lambda conn: records.owned(conn, artist_id, hashed, now)):
            if await self._blobs.exists(asset.sha256):
                return asset
        return None

    async def mint(self, artist_id: str, hashed: str, wanted: Wanted | None) -> tuple[Asset, bool] | None:
        """An asset over bytes that the artist has already, and whether its record is new; None when she has not.

        Without a wish it is called as the bytes are called. One that is the same already is given again, and stays as long as
        the longer of both wishes.
        """
        source = await self.owned(artist_id, hashed)
        if source is None:
            return None
        if wanted is None:
            wanted = Wanted(_own_name(source), source.media_type, source.tags, source.expires_at)
        try:
            minted = await self._store.write(partial(self._write, artist_id, source, wanted))
        except BlobSwept:
            return None
        self._folders.changed(artist_id)
        return minted

    async def sent(self, stored: StoredFile, artist_id: str, hashed: str, wanted: Wanted) -> tuple[Asset, bool]:
        """Writes down a file that has just arrived in her folders; the asset, and whether its bytes are new to her."""
        now = self._clock.now()
        new = Asset("", artist_id, stored.sha256, hashed, stored.name.path, stored.media_type, stored.size, now)

        def work(tx: Transaction) -> tuple[Asset, bool]:
            known = bool(records.owned(tx.conn, artist_id, hashed, now))
            return self._write(artist_id, new, wanted, tx)[0], not known

        return await self._store.write(work)

    def _write(self, artist_id: str, source: Asset, wanted: Wanted, tx: Transaction) -> tuple[Asset, bool]:
        now = self._clock.now()
        kind = wanted.media_type or source.media_type
        files.add_upload(
            tx,
            artist_id=artist_id,
            name=wanted.name,
            sha256=source.sha256,
            size=source.size,
            media_type=kind,
            overwrite=True,
            now=now,
        )
        for same in records.owned(tx.conn, artist_id, source.blake3, now):
            if same.job_id is None and (same.file_path, same.tags) == (wanted.name.path, wanted.tags):
                longer = _longer(same.expires_at, wanted.expires_at)
                records.extend(tx, same, longer)
                return replace(same, expires_at=longer), False
        new = replace(
            source,
            id=records.new_id(),
            file_path=wanted.name.path,
            media_type=kind,
            created_at=now,
            tags=wanted.tags,
            job_id=None,
            node_id=None,
            expires_at=wanted.expires_at,
        )
        records.add(tx, [new])
        return new, True

    async def remove(self, asset: Asset) -> bool:
        """Deletes a record, and the file of its name if it is still the same; False while an unfinished job starts from it."""
        removed = await self._store.write(partial(_remove, asset))
        self._folders.changed(asset.artist_id)
        return removed

    async def names(self, artist_id: str, ids: Collection[str], apart: Collection[str] = ()) -> dict[str, str]:
        """What a graph must say to mean these assets; those that are not hers, or gone, are left out.

        Those `apart` get a name that is unmistakable (workflows/naming.py), wherever in a graph it stands.
        """
        if not ids:
            return {}
        now = self._clock.now()

        def read(conn: Connection) -> dict[str, tuple[Asset, str | None]]:
            found = records.named(conn, artist_id, ids, now)
            return {key: (asset, None if key in apart else _present_name(conn, asset)) for key, asset in found.items()}

        names: dict[str, str] = {}
        for key, (asset, name) in (await self._store.read(read)).items():
            if await self._blobs.exists(asset.sha256):
                names[key] = await self._store.write(partial(self._set_apart, asset)) if name is None else name
        return names

    def _set_apart(self, asset: Asset, tx: Transaction) -> str:
        name = file_name("input", f"{_APART}/{asset.id}", asset.file_path.rpartition("/")[2])
        size, kind, now = asset.size, asset.media_type, self._clock.now()
        files.add_upload(
            tx,
            artist_id=asset.artist_id,
            name=name,
            sha256=asset.sha256,
            size=size,
            media_type=kind,
            overwrite=True,
            now=now,
        )
        return name.annotated

    # -- what jobs made ---------------------------------------------------------------------------------------------

    async def outputs(self, artist_id: str, job_id: str) -> list[Asset]:
        """What a job has made so far, in order of making."""
        known, made = await self._store.read(partial(_made, job_id))
        if all(_output_id(file) in known for file in made):
            return [known[_output_id(file)] for file in made]
        lock = self._one_at_a_time.setdefault(job_id, asyncio.Lock())
        async with lock:
            known, made = await self._store.read(partial(_made, job_id))
            fresh = [await self._described(artist_id, file) for file in made if _output_id(file) not in known]
            await self._write_down(fresh)
        known |= {asset.id: asset for asset in fresh}
        return [known[_output_id(file)] for file in made]

    async def texts(self, artist_id: str, job_id: str, said: Mapping[str, Sequence[str]]) -> list[Asset]:
        """What a job's nodes have said instead of making files, by node; stored as files of no folder. Raises StorageError."""
        wanted = {_text_id(job_id, node, n): (node, n, text) for node, texts in said.items() for n, text in enumerate(texts)}
        now = self._clock.now()
        known = await self._store.read(partial(records.named, artist_id=artist_id, ids=wanted, now=now))
        for asset_id, (node, n, text) in wanted.items():
            if asset_id not in known:
                data = text.encode(errors="replace")
                blob = await self._shelf.put(data)
                about = (asset_id, artist_id, blob.sha256, blake3(data).hexdigest(), f"{node}_{n:05}.txt", _TEXT, blob.size, now)
                known[asset_id] = Asset(*about, job_id=job_id, node_id=node)
                await self._store.write(partial(_add_text, known[asset_id]))
        return [known[asset_id] for asset_id in wanted]

    async def _described(self, artist_id: str, file: StoredFile) -> Asset:
        asset_id, path = _output_id(file), file.name.path
        hashed = await self._hashed(file.sha256)
        about = (asset_id, artist_id, file.sha256, hashed, path, file.media_type, file.size, file.at)
        return Asset(*about, job_id=file.job_id, node_id=file.node_id)

    async def _write_down(self, fresh: Sequence[Asset]) -> None:
        whole = [asset for asset in fresh if asset.blake3]
        try:
            await self._store.write(partial(records.add, new=whole))
        except StorageError as error:
            log.warning("What a job made is not written down yet: %s", error)
            whole = []
        self._unwritten.update({asset.id: asset for asset in fresh if asset not in whole})

    async def _hashed(self, sha256: str) -> str:
        """blake3 of a blob; empty when its bytes cannot be read."""
        hashing = blake3()
        try:
            async for chunk in await self._blobs.open(sha256):
                hashing.update(chunk)
        except (BlobMissing, BlobCorrupt) as error:
            log.warning("%s", error)
            return ""
        return hashing.hexdigest()


def _made(job_id: str, conn: Connection) -> tuple[dict[str, Asset], list[StoredFile]]:
    return {asset.id: asset for asset in records.of_jobs(conn, [job_id])}, files.of_job(conn, job_id)


def _output_id(file: StoredFile) -> str:
    return records.output_id(file.job_id or "", file.name.annotated)


def _text_id(job_id: str, node: str, n: int) -> str:
    return records.output_id(job_id, f"{node}/{n} [text]")


def _add_text(asset: Asset, tx: Transaction) -> None:
    size = {"size": asset.size, "width": 0, "height": 0}
    add_blob(tx, asset.artist_id, asset.sha256, _TEXT, asset.created_at, pinned_until=asset.created_at, **size)
    records.add(tx, [asset])


def _own_name(asset: Asset) -> FileName:
    """As an input: what a job made is called the same there."""
    try:
        return parse(asset.file_path)
    except BadName:
        return file_name("input", _APART, asset.id)


def _present_name(conn: Connection, asset: Asset) -> str | None:
    """The name under which a graph finds exactly these bytes, if there is one."""
    subfolder, _, name = asset.file_path.rpartition("/")
    for folder in ("input",) if asset.job_id is None else ("output", "temp"):
        at = file_name(folder, subfolder, name)
        found = files.find(conn, asset.artist_id, at)
        if found is not None and found.sha256 == asset.sha256:
            return at.annotated
    return None


def _remove(asset: Asset, tx: Transaction) -> bool:
    if records.in_use(tx.conn, asset):
        return False
    name = _present_name(tx.conn, asset)
    if name is not None and not records.shared(tx.conn, asset):
        files.remove(tx, asset.artist_id, parse(name))
    records.remove(tx, asset)
    return True


def _longer(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
