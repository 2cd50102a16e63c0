"""Packs results for those who get them: each task with its job, its outputs, and the files that go into the result itself."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from wake_service.errors import StorageError
from wake_service.files import records as files
from wake_service.files.model import StoredFile
from wake_service.gateway.doorway import GatewayVisit
from wake_service.gateway.eas import views
from wake_service.jobs import records as jobs
from wake_service.workflows.delivery import DeliveryId, Task

log = logging.getLogger(__name__)

#: Bytes of files that go into one answer at most, all together; the others have their links.
MOST_INLINE = 16 * 1024 * 1024


async def pack(visit: GatewayVisit, taken: Sequence[Task], inline: int) -> list[dict[str, Any]]:
    """Results that were taken, as they are handed out. Raises StorageError; they are given back then."""
    try:
        return await _pack(visit, taken, inline)
    except StorageError:
        await visit.service.workflows.sink.give_back(visit.who.artist_id, [DeliveryId.latest(task) for task in taken])
        raise


async def _pack(visit: GatewayVisit, taken: Sequence[Task], inline: int) -> list[dict[str, Any]]:
    service, ids = visit.service, [task.job_id for task in taken]
    ended = {job.id: job for job in await service.store.read(partial(jobs.load_many, job_ids=ids))}
    stored = {job.id: found for job, found in await service.workflows.with_stored(list(ended.values()))}
    data = await _contents(visit, ids, inline) if inline else {}
    known = [task for task in taken if task.job_id in ended]
    return [views.delivered(task, ended[task.job_id], stored.get(task.job_id), visit.base, data) for task in known]


async def _contents(visit: GatewayVisit, job_ids: Sequence[str], inline: int) -> dict[views.Place, str]:
    """Small files of these jobs in base64, as many as go into one answer."""

    def made(conn: Connection) -> list[StoredFile]:
        return [file for job_id in job_ids for file in files.of_job(conn, job_id)]

    room, data = MOST_INLINE, {}
    for file in await visit.service.store.read(made):
        if file.size > min(inline, room):
            continue
        try:
            content = await visit.service.blobs.get(file.sha256)
        except StorageError as error:
            log.warning("%s goes out as a link only: %s", file.name.annotated, error)
            continue
        room -= file.size
        data[views.place_of(file)] = base64.b64encode(content).decode()
    return data
