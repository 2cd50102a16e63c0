"""Whether the service lives, and whether it can take work. Answered without a token."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wake_service import __version__
from wake_service.answers import json_answer
from wake_service.api.access import API_MAX, API_MIN, service_of

router = APIRouter()

_ABOUT = {"service": "wakebrush", "version": __version__, "api": {"min": API_MIN, "max": API_MAX}}


@router.get("/healthz")
async def healthz() -> Response:
    """The process answers."""
    return json_answer({**_ABOUT, "status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Work can be accepted; 503 with the reason if not."""
    service = service_of(request)
    if not service.started:
        return json_answer({**_ABOUT, "status": "starting"}, 503)
    if not await service.has_room():
        return json_answer({**_ABOUT, "status": "storage_full"}, 503)
    return json_answer({**_ABOUT, "status": "ok"})
