"""An artist's own pictures: all of them, or one job's, deleted because she says so."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from wake_service.answers import json_answer
from wake_service.api.access import Painting
from wake_service.api.problems import not_found
from wake_service.jobs import erasure

router = APIRouter()


@router.delete("/v1/pictures")
async def delete_all(visit: Painting) -> Response:
    """Deletes her uploads, her pictures and her words."""
    service, who = visit.service, visit.who
    erased = await erasure.erase_all(service.store, who.artist_id)
    service.folders.changed(who.artist_id)
    service.sweeper.poke()
    return json_answer({"jobs": erased.jobs, "pictures": erased.pictures, "held": erased.held})


@router.delete("/v1/jobs/{job_id}/results")
async def delete_results(job_id: str, visit: Painting) -> Response:
    """Deletes the pictures and the words of one job."""
    service, who = visit.service, visit.who
    job = await service.book.find(job_id)
    if job is None or job.artist_id != who.artist_id:
        raise not_found("There is no such job.")
    pictures = await erasure.erase_job(service.store, who.artist_id, job_id)
    service.sweeper.poke()
    return json_answer({"pictures": pictures})
