"""Who am I, what may I do, what is left to spend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from wake_service import __version__
from wake_service.accounts.tokens import Identity
from wake_service.answers import json_answer
from wake_service.api.access import API_MAX, API_MIN, Reading
from wake_service.app import Service
from wake_service.clock import iso
from wake_service.jobs.views import money
from wake_service.machines.ledger import next_month_start

router = APIRouter()


@router.get("/v1/me")
async def me(visit: Reading) -> Response:
    """The artist behind the token."""
    return json_answer(me_view(visit.who, visit.service))


def me_view(who: Identity, service: Service) -> dict[str, Any]:
    """The artist, her team, budget and limits on the wire."""
    settings = service.settings
    return {
        "artist": {"id": who.artist_id, "name": who.artist_name},
        "team": {"id": who.team_id, "name": who.team_name},
        "roles": [who.role],
        "scopes": sorted(who.scopes),
        "budget": _budget_view(who, service),
        "limits": {
            "max_pixels": settings.max_pixels,
            "max_blob_bytes": settings.max_blob_bytes,
            "max_count": settings.max_count,
            "max_prompt": 10_000,
        },
        "service": {"version": __version__, "api": {"min": API_MIN, "max": API_MAX}},
    }


def _budget_view(who: Identity, service: Service) -> dict[str, Any] | None:
    budget, now = service.spending.budget(who.team_id), service.clock.now()
    if budget.limit_micros is None:
        return None
    currency = service.settings.currency
    return {
        "limit": money(budget.limit_micros, currency),
        "spent": money(budget.spent_micros, currency),
        "month": f"{datetime.fromtimestamp(now, UTC):%Y-%m}",
        "resets_at": iso(next_month_start(now)),
    }


def month_name(now: float) -> str:
    """The calendar month's name."""
    return f"{datetime.fromtimestamp(now, UTC):%B}"


def next_month_day(now: float) -> str:
    """The first day of the next month: "1 December"."""
    return f"1 {datetime.fromtimestamp(next_month_start(now), UTC):%B}"
