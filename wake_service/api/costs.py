"""What a month has cost: an artist sees herself and her team, an admin everybody."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from wake_service.accounts import people
from wake_service.accounts.tokens import Role
from wake_service.answers import json_answer
from wake_service.api import problems
from wake_service.api.access import Reading, Visit
from wake_service.clock import iso
from wake_service.jobs.views import money
from wake_service.machinery import POOL
from wake_service.machines.intervals import Kind, month_start, next_month_start
from wake_service.machines.months import Month, Spent, month_of, saved

router = APIRouter()


@router.get("/v1/costs")
async def costs(visit: Reading, month: str | None = None) -> Response:
    """A calendar month (UTC), by default the present one."""
    now = visit.service.clock.now()
    begins = month_start(now) if month is None else _begin(month)
    read = await visit.service.store.read(partial(month_of, month=begins, now=now))
    names = await visit.service.store.read(people.names)
    return json_answer(_view(visit, read, begins, names))


def _begin(month: str) -> float:
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        raise problems.invalid(422, "A month is written like 2026-11.", "month")
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp()


def _view(visit: Visit, month: Month, begins: float, names: people.Names) -> dict[str, Any]:
    who, currency = visit.who, visit.service.settings.currency
    now = visit.service.clock.now()
    view = {
        "month": f"{datetime.fromtimestamp(begins, UTC):%Y-%m}",
        "from": iso(month.since),
        "to": iso(month.until),
        "over": next_month_start(begins) <= now,
        "artist": _somebody(names.artist(who.artist_id), month.of(artist_id=who.artist_id), currency),
        "team": _team(visit, month, who.team_id, names),
        "everybody": None,
    }
    if who.role == Role.ADMIN:
        view["everybody"] = _everybody(visit, month, names)
    return view


def _somebody(named: dict[str, Any], spent: Spent, currency: str) -> dict[str, Any]:
    """Her work, her part in waking and resting, and both."""
    return {
        **named,
        "work_seconds": round(spent.seconds[Kind.WORK], 1),
        "pictures": spent.pictures,
        "work": money(spent.micros[Kind.WORK], currency),
        "share": money(spent.share, currency),
        "total": money(spent.total, currency),
        "per_picture": None if spent.per_picture is None else money(spent.per_picture, currency),
    }


def _team(visit: Visit, month: Month, team_id: str, names: people.Names) -> dict[str, Any]:
    limit, currency = visit.service.spending.limits.get(team_id), visit.service.settings.currency
    spent = _somebody(names.team(team_id), month.of(team_id=team_id), currency)
    return {**spent, "limit": None if limit is None else money(limit, currency)}


def _everybody(visit: Visit, month: Month, names: people.Names) -> dict[str, Any]:
    service, currency, all_of_it = visit.service, visit.service.settings.currency, month.of()
    price = max((m.price_micros_per_hour for m in service.fleet.all() if m.pool == POOL), default=0)
    always_on = month.always_on_micros(price)
    part = saved(all_of_it.total, always_on)
    nobody = month.by.get(None, Spent())
    return {
        "seconds": {kind.value: round(all_of_it.seconds[kind], 1) for kind in Kind},
        "machines": {
            **{kind.value: money(all_of_it.micros[kind], currency) for kind in Kind},
            "total": money(all_of_it.total, currency),
        },
        "standing": money(month.standing, currency),
        "total": money(all_of_it.total + month.standing, currency),
        "pictures": all_of_it.pictures,
        "per_picture": None if all_of_it.per_picture is None else money(all_of_it.per_picture, currency),
        "artists": [_somebody(a, month.of(artist_id=a["id"]), currency) for a in names.artists()],
        "teams": [_team(visit, month, team["id"], names) for team in names.teams()],
        "nobody": money(nobody.total, currency),
        "always_on": money(always_on, currency),
        "saved": None if part is None else round(part, 4),
    }
