"""The machines, and the wish to have one awake."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from wake_service.api.access import Painting, Reading
from wake_service.api.answers import json_answer
from wake_service.api.generate import budget_exhausted
from wake_service.app import POOL
from wake_service.clock import iso

router = APIRouter()


@router.get("/v1/machines")
async def machines(visit: Reading) -> Response:
    """All machines as they are now."""
    return json_answer({"machines": visit.service.machine_views()})


@router.post("/v1/wake")
async def wake(visit: Painting) -> Response:
    """ "I am about to paint"."""
    service, who = visit.service, visit.who
    if not service.spending.may_spend(who.team_id, POOL):
        raise budget_exhausted(who, service)
    price, wakes = service.spending.price_micros(POOL, 0.0, 0)
    until = service.wish(who)
    views = [view for view in service.machine_views() if view["pool"] == POOL]
    nearest = min(views, key=lambda view: view["state"] == "asleep", default=None)
    return json_answer({"machine": nearest, "price": service.book.price(price, wakes), "until": iso(until)}, 202)
