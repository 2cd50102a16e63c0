"""The machines, and the wish to have one awake."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from wake_service.answers import json_answer
from wake_service.api.access import Painting, Reading, Visit
from wake_service.api.generate import budget_exhausted
from wake_service.clock import iso
from wake_service.errors import RequestError
from wake_service.machinery import POOL
from wake_service.machines.model import Machine, MachineState
from wake_service.machines.spending import Price
from wake_service.machines.views import price_view

router = APIRouter()


#: Machines that somebody may keep awake; one that is on its way to sleep is woken by the next picture.
_HOLDABLE = frozenset({MachineState.WAKING, MachineState.READY, MachineState.BUSY})


class HoldBody(BaseModel):
    """How long to keep a machine awake, from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: float = Field(gt=0, le=7 * 86_400)


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
    price = service.exchange.price(POOL)
    until = service.wish(who)
    views = [view for view in service.machine_views() if view["pool"] == POOL]
    nearest = min(views, key=lambda view: view["state"] == "asleep", default=None)
    return json_answer({"machine": nearest, "price": price_view(price, service.settings.currency), "until": iso(until)}, 202)


@router.put("/v1/machines/{machine_id}/hold")
async def hold(machine_id: str, body: HoldBody, visit: Painting) -> Response:
    """Keep awake until then: capped, priced, within the budget."""
    service, who = visit.service, visit.who
    machine = _known(visit, machine_id)
    if machine.state not in _HOLDABLE:
        raise RequestError(
            409,
            "machine_asleep",
            "The machine is asleep, or about to be.",
            hint="Ask for a picture: that wakes it. Then it can be kept awake.",
        )
    seconds = min(body.seconds, service.settings.max_hold_seconds)
    price = service.spending.hold_micros(machine, seconds)
    if not service.spending.allows(who.team_id, price):
        raise budget_exhausted(who, service)
    until = await service.hold(machine_id, seconds, who)
    view = service.machine_view(service.fleet.get(machine_id))
    return json_answer({"machine": view, "price": price_view(Price(idle=price), service.settings.currency), "until": iso(until)})


@router.delete("/v1/machines/{machine_id}/hold")
async def let_go(machine_id: str, visit: Painting) -> Response:
    """The machine may sleep when nobody needs it."""
    machine = _known(visit, machine_id)
    if machine.hold_until:
        await visit.service.hold(machine_id, 0.0, visit.who)
    return json_answer({"machine": visit.service.machine_view(visit.service.fleet.get(machine_id))})


def _known(visit: Visit, machine_id: str) -> Machine:
    try:
        return visit.service.fleet.get(machine_id)
    except KeyError:
        hint = "Look at the list of machines."
        raise RequestError(404, "not_found", "There is no such machine.", hint=hint) from None
