"""Prices before anything is asked for, and jobs that were gathered: let into the queue together."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from wake_service.answers import json_answer
from wake_service.api.access import Painting, Reading, Visit
from wake_service.api.asking import PriceBody
from wake_service.api.generate import budget_exhausted
from wake_service.errors import RequestError
from wake_service.jobs.model import Job, JobRequest
from wake_service.jobs.recipe import models_of
from wake_service.machinery import POOL
from wake_service.machines.views import price_view
from wake_service.models.classes import barred_sentence

router = APIRouter()


@router.post("/v1/price")
async def price(body: PriceBody, visit: Reading) -> Response:
    """What it would cost now, and how long it would take. Nothing is kept of the question."""
    service, who = visit.service, visit.who
    gathered = service.book.board.gathered(who.artist_id) if body.gathered else []
    stand_in = _stand_in(body, visit)
    if body.gathered:
        seconds = sum(service.work_seconds(job.painting) for job in gathered)
    elif body.width is None or body.height is None:
        seconds = service.exchange.picture_seconds * body.count
    else:
        seconds = service.work_seconds(stand_in.painting)
    outlook = service.exchange.outlook(stand_in)
    eta = None if outlook.eta_seconds is None else max(0.0, outlook.eta_seconds - service.exchange.picture_seconds + seconds)
    return json_answer(
        {
            "price": price_view(service.exchange.price(POOL, seconds), service.settings.currency),
            "ahead": outlook.ahead,
            "eta_seconds": None if eta is None else round(eta, 1),
        }
    )


def _stand_in(body: PriceBody, visit: Visit) -> Job:
    """A job of hers that would be the next to come."""
    service, who = visit.service, visit.who
    size = (body.width or 64, body.height or 64)
    first_pass = (body.first_pass.width, body.first_pass.height) if body.first_pass else None
    own = body.overrides.overrides() if body.overrides else None
    asked = JobRequest(body.mode, "", "", body.style, body.strength, *size, seed=0, count=body.count)
    request = replace(asked, overrides=own, first_pass=first_pass)
    order = service.book.board.front(who.artist_id) if body.front else 0
    return Job(service.book.place + 1, "", who.artist_id, who.team_id, POOL, request, service.clock.now(), front=order)


@router.post("/v1/gathered/release")
async def release(visit: Painting) -> Response:
    """All that she has gathered goes into the queue, all or nothing. Raises RequestError `budget_exhausted`, `model_barred`."""
    service, who = visit.service, visit.who
    gathered = service.book.board.gathered(who.artist_id)
    pictures = sum(job.request.count for job in gathered)
    _check_bars(gathered, visit)
    if pictures and not service.exchange.may_begin(who.team_id, POOL, pictures):
        raise budget_exhausted(who, service)
    cost = service.exchange.price(POOL, sum(service.work_seconds(job.painting) for job in gathered))
    released = await service.decisions.release(who.artist_id)
    jobs = [service.book.view(job) for job in released]
    return json_answer({"jobs": jobs, "price": price_view(cost, service.settings.currency)})


def _check_bars(gathered: list[Job], visit: Visit) -> None:
    """What was gathered before a class was barred may have been gathered long ago."""
    service = visit.service
    for job in gathered:
        style = service.style(job.painting.style)
        needed = models_of(job.painting, style) if style else []
        if barred := service.model_classes.barred(needed, visit.who.barred):
            hint = "Cancel this job, then release the others."
            raise RequestError(403, "model_barred", barred_sentence(barred), hint=hint, job=job.id)
