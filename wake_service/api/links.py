"""Links to ComfyUI's page on the gateway, in an artist's name."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from wake_service.accounts import links
from wake_service.accounts.links import MAX_HOURS
from wake_service.answers import json_answer
from wake_service.api.access import Painting
from wake_service.api.problems import not_found
from wake_service.clock import iso

router = APIRouter()


class LinkBody(BaseModel):
    """How long it works, and whether only for looking."""

    model_config = ConfigDict(extra="forbid", strict=True)

    hours: float = Field(MAX_HOURS, gt=0, le=MAX_HOURS)
    look_only: bool = False


@router.post("/v1/links")
async def create(body: LinkBody, visit: Painting) -> Response:
    """A new link; its address is told only this once."""
    service, now = visit.service, visit.service.clock.now()
    make = partial(links.create, artist_id=visit.who.artist_id, now=now, hours=body.hours, look_only=body.look_only)
    link = await service.store.write(make)
    url, until = link.url(service.gateway_url), iso(link.expires_at)
    return json_answer({"link": {"id": link.id, "url": url, "expires_at": until, "look_only": link.look_only}}, 201)


@router.delete("/v1/links/{link_id}")
async def revoke(link_id: str, visit: Painting) -> Response:
    """Ends a link of hers."""
    service = visit.service
    end = partial(links.revoke, link_id=link_id, now=service.clock.now(), artist_id=visit.who.artist_id)
    if not await service.store.write(end):
        raise not_found("There is no such link of yours, or it was revoked before.")
    return Response(status_code=204)
