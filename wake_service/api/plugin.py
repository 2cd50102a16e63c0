"""The plugin that belongs to this service, for everybody: no token, since whoever needs it may have none that works."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from wake_service.answers import json_answer
from wake_service.api.problems import not_found
from wake_service.plugin_file import Offer, PluginFile

router = APIRouter()


async def _offer(request: Request) -> Offer:
    plugin: PluginFile = request.app.state.plugin
    offer = await plugin.offer()
    if offer is None:
        raise not_found("This service offers no plugin (yet).")
    return offer


def _place(offer: Offer) -> str:
    return f"/plugin/wakebrush-krita-{offer.version}.zip"


@router.get("/v1/plugin")
async def about(request: Request) -> Response:
    """Which version is offered, where it is, and what it must be."""
    offer = await _offer(request)
    return json_answer({"version": offer.version, "url": _place(offer), "sha256": offer.sha256, "api": offer.api})


@router.get("/plugin/latest")
async def latest(request: Request) -> Response:
    """For people: the file under its own name."""
    return RedirectResponse(_place(await _offer(request)).rpartition("/")[2], 302)


@router.get("/plugin/{name}")
async def archive(name: str, request: Request) -> Response:
    """The zip, as Krita's importer takes it."""
    offer = await _offer(request)
    if name != _place(offer).rpartition("/")[2]:
        raise not_found("There is another version of the plugin here by now.")
    headers = {"ETag": f'"{offer.sha256}"', "X-Content-Type-Options": "nosniff"}
    return FileResponse(offer.file, media_type="application/zip", filename=name, headers=headers)
