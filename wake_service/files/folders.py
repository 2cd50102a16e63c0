"""Artists' folders: what is sent comes in as a stream, what is there is found by its name."""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection

from wake_service.blobs.base import BlobInfo, BlobStore
from wake_service.blobs.life import exceeds
from wake_service.blobs.records import granted, used_bytes
from wake_service.blobs.shelf import Shelf
from wake_service.clock import Clock
from wake_service.errors import WakebrushError
from wake_service.files import records
from wake_service.files.media import HEAD_BYTES, media_type
from wake_service.files.model import FileName, StoredFile
from wake_service.store.store import Store, Transaction

#: What is handed out whole while it arrives is at most so large, and all that is held for that, in bytes.
LARGEST_HELD = 4 * 1024 * 1024
MOST_HELD = 32 * 1024 * 1024
#: Gets the checksum and the bytes.
Whole: TypeAlias = Callable[[str, bytes], None]


class OverQuota(WakebrushError):
    """An artist's files and pictures would take more room than she may have; the new one was not kept."""

    def __init__(self, quota: int) -> None:
        super().__init__(
            f"Your files and pictures fill the {quota / 1e6:,.0f} MB that you may have on the service; this one was not kept. "
            "Delete some that you no longer need, or ask your admin for more room."
        )


class Folders:
    """All artists' folders. Bytes are blobs; names are the database's."""

    def __init__(self, store: Store, blobs: BlobStore, shelf: Shelf, clock: Clock, quota_bytes: int | None) -> None:
        self.blobs = blobs
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._quota = quota_bytes
        self._room = _Room(MOST_HELD)
        self._life = uuid.uuid4().hex[:8]
        self._changes: Counter[str] = Counter()
        self._changes_of_all = 0

    async def find(self, artist_id: str, name: FileName) -> StoredFile | None:
        """One file of an artist."""
        return await self._store.read(partial(records.find, artist_id=artist_id, name=name))

    @contextlib.asynccontextmanager
    async def receive(
        self, artist_id: str, data: AsyncIterator[bytes], max_bytes: int, whole: Whole | None = None
    ) -> AsyncIterator[Arrival]:
        """Takes a file in whose name may be known only behind its bytes; within the block it is kept, or else it goes again.

        `whole` gets checksum and bytes of a small one (LARGEST_HELD), before it is on the disk.
        Raises BlobTooLarge, StorageFull, StorageError, or what `data` raises; then nothing of it is kept.
        """
        head, held = bytearray(), _Held(self._room) if whole is not None else None

        async def passing() -> AsyncIterator[bytes]:
            async for chunk in data:
                if held is not None:
                    held.add(chunk)
                if len(head) < HEAD_BYTES:
                    head.extend(chunk[:HEAD_BYTES])
                yield chunk

        def named(sha256: str) -> None:
            if whole is not None and held is not None and held.whole:
                whole(sha256, bytes(held.data))

        try:
            async with self._shelf.arrived(passing(), max_bytes=max_bytes, named=named) as blob:
                yield Arrival(self, artist_id, blob, bytes(head))
        finally:
            if held is not None:
                held.let_go()

    @property
    def held_room(self) -> int:
        """Bytes that more may be held of while they arrive."""
        return self._room.left

    async def has_room_for(self, artist_id: str, sha256: str, size: int) -> bool:
        """Whether an artist may have a file of so many bytes, as far as can be seen now."""
        return await self._store.read(partial(self._fits, artist_id, sha256, size))

    async def remove(self, artist_id: str, name: FileName) -> bool:
        """Takes a file out of an artist's folders; whether there was one."""
        removed = await self._store.write(partial(records.remove, artist_id=artist_id, name=name))
        self.changed(artist_id)
        return removed

    def changed(self, artist_id: str) -> None:
        """What is in an artist's folders may be something else now."""
        self._changes[artist_id] += 1

    def all_changed(self) -> None:
        """The same of everybody's."""
        self._changes_of_all += 1

    def version(self, artist_id: str) -> str:
        """Is another word after every change of an artist's inputs, so that what was made of them can be cached."""
        return f"{self._life}-{self._changes_of_all}-{self._changes[artist_id]}"

    async def keep(self, artist_id: str, blob: BlobInfo, name: FileName, kind: str, overwrite: bool) -> StoredFile:
        """Writes down what has arrived. Raises OverQuota or StorageError."""
        stored = await self._store.write(partial(self._add, artist_id, blob, name, kind, overwrite))
        self.changed(artist_id)
        return stored

    def _add(self, artist_id: str, blob: BlobInfo, name: FileName, kind: str, overwrite: bool, tx: Transaction) -> StoredFile:
        if not self._fits(artist_id, blob.sha256, blob.size, tx.conn):
            raise OverQuota(self._quota or 0)
        now = self._clock.now()
        add = partial(records.add_upload, tx, artist_id=artist_id, name=name, sha256=blob.sha256, size=blob.size)
        given = add(media_type=kind, overwrite=overwrite, now=now)
        return StoredFile(given, blob.sha256, blob.size, kind, now)

    def _fits(self, artist_id: str, sha256: str, size: int, conn: Connection) -> bool:
        if self._quota is None or granted(conn, artist_id, sha256):
            return True
        return not exceeds(self._quota, used_bytes(conn, artist_id), size)


@dataclass(slots=True)
class _Room:
    """Bytes of memory that are left for what is held whole."""

    left: int


class _Held:
    """What has come of a file, as long as it is small and there is room."""

    def __init__(self, room: _Room) -> None:
        self.data = bytearray()
        self.whole = True
        self._room = room

    def add(self, chunk: bytes) -> None:
        """The next bytes."""
        self.whole = self.whole and len(self.data) + len(chunk) <= LARGEST_HELD and len(chunk) <= self._room.left
        if not self.whole:
            return self.let_go()
        self.data += chunk
        self._room.left -= len(chunk)

    def let_go(self) -> None:
        """Gives its room back."""
        self._room.left += len(self.data)
        self.data = bytearray()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file whose bytes are stored, and whose name is yet to be written down."""

    folders: Folders
    artist_id: str
    blob: BlobInfo
    head: bytes

    async def keep(self, name: FileName, *, overwrite: bool = False) -> StoredFile:
        """Keeps it, under which name: as records.add_upload. Raises OverQuota or StorageError."""
        kind = media_type(name.name, self.head)
        return await self.folders.keep(self.artist_id, self.blob, name, kind, overwrite)
