"""What a workflow brings to an engine and takes home from it: uploads there, results here, stored under the artist's names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cachetools import LRUCache

from wake_service.blobs.base import BlobInfo, BlobStore
from wake_service.blobs.shelf import Shelf
from wake_service.clock import Clock
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.client import EngineClient
from wake_service.comfy.events import ImageRef, Preview
from wake_service.errors import StorageError
from wake_service.files import records as files
from wake_service.files.media import HEAD_BYTES, media_type
from wake_service.files.model import FileName, Folder, StoredFile, checked_folder
from wake_service.jobs.model import Job
from wake_service.store.store import Store, Transaction
from wake_service.workflows import naming, records, tooling
from wake_service.workflows.ahead import Uploads
from wake_service.workflows.records import Stored

#: Where pictures that came over the socket alone are found among an artist's files.
SOCKET_FOLDER: Folder = "temp"
SOCKET_SUBFOLDER = "websocket"


@dataclass(slots=True)
class Depot:
    """What all couriers share. `secrets` live here only; `fresh` spares reading back what was just written."""

    store: Store
    blobs: BlobStore
    shelf: Shelf
    clock: Clock
    catalogue: Callable[[str], Catalogue | None]
    followed: Callable[[str], bool] = lambda _job_id: False
    #: Is told whose folders have a new file.
    changed: Callable[[str], None] = lambda _artist_id: None
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    fresh: LRUCache[str, Stored] = field(default_factory=lambda: LRUCache(64))
    uploads: Uploads = field(default_factory=Uploads)


class Luggage:
    """For one job at one engine."""

    def __init__(self, depot: Depot, client: EngineClient, pool: str) -> None:
        self._depot = depot
        self.client = client
        self._pool = pool

    @property
    def clock(self) -> Clock:
        """The time."""
        return self._depot.clock

    def catalogue(self) -> Catalogue | None:
        """What the pool's engines can do."""
        return self._depot.catalogue(self._pool)

    def is_output(self, class_type: str | None) -> bool:
        """Whether nodes of this class make results."""
        catalogue = self.catalogue()
        known = catalogue.node(class_type) if catalogue is not None and class_type is not None else None
        return known is not None and known.is_output

    def followed(self, job_id: str) -> bool:
        """Whether somebody wants to know how far the job is."""
        return self._depot.followed(job_id)

    def secrets(self, job_id: str) -> dict[str, Any]:
        """What its client sent along and is stored nowhere; empty once the service was started anew."""
        return self._depot.secrets.get(job_id, {})

    async def stored(self, job_id: str) -> Stored:
        """The workflow. Raises StorageError."""
        if (fresh := self._depot.fresh.pop(job_id, None)) is not None:
            return fresh
        found = await self._depot.store.read(partial(records.load, job_id=job_id))
        if found is None:
            raise StorageError(f"The graph of job {job_id} is not stored any more.")
        return found

    async def recall(self, job_id: str) -> list[tuple[StoredFile, bytes]]:
        """The pictures that came over the socket, and that an earlier service has stored. Raises StorageError."""
        made = await self._depot.store.read(partial(files.of_job, job_id=job_id))
        sent = [file for file in made if (file.name.folder, file.name.subfolder) == (SOCKET_FOLDER, SOCKET_SUBFOLDER)]
        return [(file, await self._depot.blobs.get(file.sha256)) for file in sent]

    def is_fresh(self, job_id: str) -> bool:
        """Whether the job was accepted just now, so that nothing can be stored of it."""
        return job_id in self._depot.fresh

    async def bring(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Uploads what the graph starts from (checksums by the names it has for them); the engine's names by the graph's.

        Raises EngineError or StorageError.
        """
        return {name: await self._bring(sha256, name) for name, sha256 in wanted.items()}

    async def _bring(self, sha256: str, name: str) -> str:
        if name.startswith(tooling.KEY):
            await self.client.put_cached_image(sha256, await self._depot.blobs.get(sha256))
            return sha256
        mine = naming.input_name(sha256, name)
        return await self._depot.uploads.bring(self.client, mine, partial(self._depot.blobs.get, sha256))

    async def keep_picture(self, job: Job, node: str, index: int, picture: Preview) -> StoredFile:
        """Stores a picture that came over the socket. Raises StorageError."""
        suffix = picture.media_type.rpartition("/")[2]
        now, kind = self.clock.now(), picture.media_type
        called = FileName(SOCKET_FOLDER, SOCKET_SUBFOLDER, f"{job.id}_{node}_{index + 1:05}.{suffix}")

        def write(tx: Transaction, blob: BlobInfo) -> StoredFile:
            made = {"artist_id": job.artist_id, "job_id": job.id, "node_id": node}
            name = files.add_named(tx, name=called, sha256=blob.sha256, size=blob.size, media_type=kind, now=now, **made)
            return StoredFile(name, blob.sha256, blob.size, kind, now, job.id, node)

        file = await self._depot.shelf.keep_made(picture.data, write)
        self._depot.changed(job.artist_id)
        return file

    async def keep_output(self, job: Job, node: str, output: Any, folder: str) -> tuple[Any, list[StoredFile]]:
        """Fetches and stores the files that a node has made; its output under the artist's names, and the files.

        Raises EngineError or StorageError.
        """
        made = [item for item in naming.file_references(output) if item["type"] in ("output", "temp")]
        fetched = await asyncio.gather(*(self._fetch(item) for item in made))
        new = [(_shown(item, folder), *found) for item, found in zip(made, fetched, strict=True)]
        new += await asyncio.gather(*map(self._fetch_image, tooling.images_made(output)))
        kept = await self._write(job, node, new) if new else []
        names = iter([file.name for file in kept])

        def rename(item: dict[str, Any]) -> None:
            if item["type"] in ("output", "temp"):
                name = next(names)
                item.update(filename=name.name, subfolder=name.subfolder, type=name.folder)

        shown = naming.map_outputs(output, rename)
        for item in tooling.images_made(shown):
            item["id"] = next(names).name
        return shown, kept

    async def _fetch_image(self, item: Mapping[str, Any]) -> tuple[FileName, BlobInfo, str]:
        name = tooling.image_name(item["id"])
        assert name is not None  # images_made gives no others
        return name, await self._depot.shelf.put(await self.client.cached_image(name.name)), tooling.media_type_of(item)

    async def _fetch(self, item: Mapping[str, Any]) -> tuple[BlobInfo, str]:
        data = await self.client.view(ImageRef(item["filename"], str(item.get("subfolder") or ""), item["type"]))
        return await self._depot.shelf.put(data), media_type(item["filename"], data[:HEAD_BYTES])

    async def _write(self, job: Job, node: str, new: list[tuple[FileName, BlobInfo, str]]) -> list[StoredFile]:
        def work(tx: Transaction) -> list[StoredFile]:
            now = self.clock.now()
            kept = []
            before = [file for file in files.of_job(tx.conn, job.id) if file.node_id == node]
            for shown, blob, kind in new:
                # An earlier service may have stored it and not lived to note it.
                if (known := next((file for file in before if file.sha256 == blob.sha256), None)) is not None:
                    before.remove(known)
                    kept.append(known)
                    continue
                name = files.add_output(
                    tx,
                    artist_id=job.artist_id,
                    folder=shown.folder,
                    subfolder=shown.subfolder,
                    name=shown.name,
                    sha256=blob.sha256,
                    size=blob.size,
                    media_type=kind,
                    job_id=job.id,
                    node_id=node,
                    now=now,
                )
                kept.append(StoredFile(name, blob.sha256, blob.size, kind, now, job.id, node))
            return kept

        kept = await self._depot.store.write(work)
        self._depot.changed(job.artist_id)
        return kept


def _shown(item: Mapping[str, Any], folder: str) -> FileName:
    return FileName(
        checked_folder(item["type"]), naming.subfolder_shown(str(item.get("subfolder") or ""), folder), item["filename"]
    )
