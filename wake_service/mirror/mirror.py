"""What the engines of one pool answered last: in memory by path, on disk by checksum."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from cachetools import LRUCache

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.comfy.client import EngineClient
from wake_service.errors import EngineError, StorageError

from . import tooling
from .archive import import_archive
from .crawl import FACTS, Crawl, Limits, as_served, get, no_rest
from .model import ANSWER_BYTES, Copy, Entry
from .shelf import Shelf

log = logging.getLogger(__name__)

#: Bytes of answers that are held in memory.
HELD_BYTES = 64 * 1024 * 1024
#: An answer that was asked for by itself is on disk so soon, in seconds; a power cut before that costs one question.
SAVE_AFTER = 10.0
#: Answers of node packs that are kept for one owner; the oldest go.
KEPT_FOR_ONE = 500
#: The owner of such answers where whoever asks an engine is told the same.
EVERYBODY = "all"
#: How long an engine may take to answer anew what is known already, and what is not, in seconds.
RENEW_SECONDS, ASK_SECONDS = 5.0, 60.0


class Mirror:
    """The copy of one pool. It never fails a caller for want of a disk: what cannot be kept is only logged."""

    def __init__(self, pool: str, folder: Path, clock: Clock, limits: Limits | None = None, *, ask_packs: bool = True) -> None:
        self.pool = pool
        self.shelf = Shelf(folder)
        self._clock = clock
        self._limits = limits or Limits()
        self._ask_packs = ask_packs
        self._copy = Copy()
        self._of: weakref.WeakSet[EngineClient] = weakref.WeakSet()
        self._held: LRUCache[tuple[str, bool], bytes] = LRUCache(HELD_BYTES, getsizeof=len)
        self._parsed: tuple[str, Any] = ("", None)
        self._renewing: dict[str, asyncio.Future[Entry | None]] = {}
        self._reading = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._background = Background(log)
        self._save_begun = False

    @property
    def copy(self) -> Copy:
        """All that is known."""
        return self._copy

    @property
    def is_empty(self) -> bool:
        """Whether no engine of this pool was ever read."""
        return not self._copy.key

    async def load(self) -> None:
        """Reads what was kept."""
        try:
            found = await asyncio.to_thread(self.shelf.load)
            self._copy = found or Copy()
        except OSError as error:
            log.error("The copy of what the engines of %s answer cannot be read: %s", self.pool, error)

    async def begin(self, fetch: Callable[[Path], Awaitable[bool]]) -> None:
        """Takes the copy that `fetch` writes to a file, if it finds one and no engine was read meanwhile.

        Raises what `fetch` raises, ValueError for a file that holds no copy, and StorageError.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="wakebrush-copy-") as folder:
                archive = Path(folder) / "mirror.tar.gz"
                if await fetch(archive):
                    await self._take(archive)
        except OSError as error:
            raise StorageError(f"The first copy of what an engine answers could not be kept: {error}.") from error

    async def _take(self, archive: Path) -> None:
        async with self._keeping:
            copy = await asyncio.to_thread(import_archive, archive, self.shelf)
            if self.is_empty:
                await asyncio.to_thread(self.shelf.commit, copy)
                self._copy = replace(copy, entries={**copy.entries, **self._copy.entries})

    async def stop(self) -> None:
        """Lets go of engines; what is known is on disk then."""
        async with self._keeping:  # what is being written is written to its end
            await self._background.cancel()
            renewing = list(self._renewing.values())
            for each in renewing:
                each.cancel()
            await asyncio.gather(*renewing, return_exceptions=True)
            if self._save_begun:
                await self._commit()

    # -- answers ----------------------------------------------------------------------------------------------------

    def find(self, path: str, owner: str = "") -> Entry | None:
        """The newest answer at a decoded path with its query (`/models/loras`), of what was read and what `owner` was given."""
        common, given = self._copy.entries.get(path), self._copy.entries.get(owner + path) if owner else None
        if common is None or given is None:
            return common or given
        return max(common, given, key=lambda entry: entry.as_of)

    def is_of(self, engine: EngineClient) -> bool:
        """Whether the copy was read of this very engine, in this life of it, or of another one that is the same."""
        return engine in self._of

    async def body(self, entry: Entry, *, packed: bool = False) -> bytes:
        """The bytes of an answer. Raises StorageError."""
        wanted = entry.sha256, packed
        held = self._held.get(wanted)
        if held is not None:
            return held
        try:
            data = await asyncio.to_thread(self.shelf.read, entry.sha256, packed=packed)
        except OSError as error:
            raise StorageError(f"The stored copy of an engine's answer cannot be read: {error}.") from error
        if len(data) <= HELD_BYTES // 4:
            self._held[wanted] = data
        return data

    async def json(self, entry: Entry) -> Any:
        """The answer read as JSON; the largest, `/object_info`, is read once for all who ask."""
        if self._parsed[0] != entry.sha256:
            data = await self.body(entry)
            self._parsed = entry.sha256, await asyncio.to_thread(orjson.loads, data)
        return self._parsed[1]

    # -- reading engines --------------------------------------------------------------------------------------------

    def refresh_beside(self, engine: EngineClient, rest: Callable[[], Awaitable[None]] = no_rest) -> None:
        """Reads an engine that has just woken; `rest` keeps that back while it works."""
        self._background.spawn(self.refresh(engine, rest))

    async def refresh(self, engine: EngineClient, rest: Callable[[], Awaitable[None]] = no_rest) -> None:
        """Reads all of an engine, and takes it for the copy of before if that works out."""
        async with self._reading:
            crawl = Crawl(engine, self.shelf, self._clock, self._copy, limits=self._limits, ask_packs=self._ask_packs, rest=rest)
            try:
                copy = await crawl.run()
                await self._replace(copy, engine)
            except EngineError as error:
                log.warning("What the engines of %s answer while they sleep stays as it was: %s", self.pool, error)
                if self.is_empty:  # a part is better than nothing, but no whole copy is given up for it
                    self._copy = replace(self._copy, entries={**crawl.entries, **self._copy.entries})
                    self._save_soon()
            except OSError as error:
                log.error("What the engines of %s answer could not be kept: %s", self.pool, error)

    async def _replace(self, copy: Copy, engine: EngineClient) -> None:
        async with self._keeping:
            theirs = {path: entry for path, entry in self._copy.entries.items() if not path.startswith("/")}
            is_new = copy.key != self._copy.key
            if is_new:
                self._of.clear()
            self._copy = replace(copy, entries={**theirs, **copy.entries})
            self._of.add(engine)
            await asyncio.to_thread(self.shelf.commit, self._copy)
            await asyncio.to_thread(self.shelf.sweep, self._copy)
        if is_new:
            log.info("pool %s: %s answers of its engine are kept for when it sleeps", self.pool, len(copy.entries))

    async def renew(self, engine: EngineClient, path: str) -> Entry | None:
        """The common answer at a path as it is now; the one that is known when the engine does not say. Asked once for all.

        None: the engine has none. Raises EngineError when it does not say and nothing is known.
        """
        under_way = self._renewing.get(path)
        if under_way is None:
            under_way = self._renewing[path] = asyncio.ensure_future(self._renew(engine, path))
            under_way.add_done_callback(lambda _: self._renewing.pop(path, None))
        return await asyncio.shield(under_way)

    async def _renew(self, engine: EngineClient, path: str) -> Entry | None:
        known = self.find(path)
        seconds = RENEW_SECONDS if known else ASK_SECONDS
        url = tooling.PREFIX + path if path.startswith(tooling.ROUTES) else path
        try:
            its_name = known.etag if known else None
            most = ANSWER_BYTES if path in FACTS else self._limits.file_bytes
            status, media_type, data, etag = await get(engine, url, etag=its_name, most=most, seconds=seconds)
            if status not in (200, 404, 304):
                raise EngineError(f"The engine at {engine.base_url} answered {path} with status {status}.")
        except EngineError as error:
            if known is None:
                raise
            log.info("%s is answered as it was last: %s", path, error)
            return known
        if status == 404 and path not in FACTS:
            return None
        if status == 304:
            return known
        return await self.keep(path, as_served(data, path, media_type), media_type, status=status, etag=etag)

    async def keep_anyway(self, path: str, data: bytes, media_type: str, owner: str) -> None:
        """Keeps what an owner was given, also when whoever asked for it has what they wanted and is gone before that is done."""

        async def keep() -> None:
            await self.keep(path, data, media_type, owner=owner)

        await asyncio.shield(self._background.spawn(keep()))

    async def keep(
        self, path: str, data: bytes, media_type: str, *, status: int = 200, etag: str = "", owner: str = ""
    ) -> Entry | None:
        """Keeps one answer, as if it had been read, or as what `owner` was given; None when the disk does not take it."""
        async with self._keeping:
            try:
                kept = await asyncio.to_thread(
                    self.shelf.put, data, Entry(status, media_type, "", 0, self._clock.now(), etag=etag)
                )
            except OSError as error:
                log.error("An answer of the engine could not be kept: %s", error)
                return None
            entries = {**self._copy.entries, owner + path: kept}
            if owner:
                _drop_oldest(entries, owner)
            self._copy = replace(self._copy, entries=entries)
        self._save_soon()
        return kept

    def _save_soon(self) -> None:
        if not self._save_begun:
            self._save_begun = True
            self._background.spawn(self._save())

    async def _save(self) -> None:
        await self._clock.sleep(SAVE_AFTER)
        self._save_begun = False
        async with self._keeping:
            await self._commit()

    async def _commit(self) -> None:
        try:
            await asyncio.to_thread(self.shelf.commit, self._copy)
            if not self._reading.locked():  # a copy that is being read has files that nothing names yet
                await asyncio.to_thread(self.shelf.sweep, self._copy)
        except OSError as error:
            log.error("What the engines of %s answer could not be kept: %s", self.pool, error)


def _drop_oldest(entries: dict[str, Entry], owner: str) -> None:
    hers = sorted((path for path in entries if path.startswith(owner + "/")), key=lambda path: entries[path].as_of)
    for path in hers[: max(0, len(hers) - KEPT_FOR_ONE)]:
        del entries[path]
