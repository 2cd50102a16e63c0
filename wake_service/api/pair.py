"""Pairing a computer: a code becomes a token; and the page that an invitation's link shows in a browser."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from wake_service.accounts.pairings import TooManyTries
from wake_service.answers import json_answer
from wake_service.api.access import check_client, require_private, service_of
from wake_service.clock import iso
from wake_service.errors import RequestError

router = APIRouter()

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wakebrush: an invitation</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}li{margin:.6rem 0}</style></head>
<body><h1>You are invited to paint</h1>
<ol>
<li>Download the <a href="plugin/latest">plugin for Krita</a>.</li>
<li>In Krita choose <em>Tools → Scripts → Import Python Plugin from File…</em>, take that file, and start Krita again.</li>
<li>In the Wakebrush docker press <em>Connect…</em> and paste the address of this page, as it stands in your browser.</li>
</ol>
<p>The invitation is good once, and not for long. If its time is over, ask for another one.</p></body></html>
"""


class PairBody(BaseModel):
    """The code, and what the computer is called: its token bears that name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str = Field(min_length=1, max_length=100)
    computer: str = Field("", max_length=100)


@router.post("/v1/pair")
async def pair(body: PairBody, request: Request) -> Response:
    """Turns a code into a token; no token is needed. Every wrong code looks alike."""
    check_client(request)
    require_private(request)
    service = service_of(request)
    address = request.client.host if request.client else ""
    try:
        paired = await service.pairing.redeem(body.code, _plain(body.computer), address)
    except TooManyTries as error:
        raise RequestError(
            429,
            "too_many_tries",
            "Too many codes were tried from your network.",
            hint="Wait a quarter of an hour, then ask for a new invitation.",
            retry_after=round(error.wait) + 1,
        ) from error
    if paired is None:
        raise RequestError(
            403,
            "invitation_invalid",
            "This invitation is not good any more: it was used, its time is over, or it was mistyped.",
            hint="Look at the code again, or ask your admin for a new one (`wakebrush invite`).",
        )
    return json_answer(
        {
            "token": paired.token,
            "artist": {"id": paired.artist_id, "name": paired.artist},
            "team": {"name": paired.team},
            "endpoint": (service.settings.public_url or str(request.base_url)).rstrip("/"),
            "expires_at": None if paired.expires_at is None else iso(paired.expires_at),
        },
        201,
    )


@router.get("/invite")
async def invitation() -> Response:
    """What to do with the link, for whoever opens it in a browser. The code stands behind the # and never gets here."""
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_PAGE, headers={**headers, "X-Content-Type-Options": "nosniff"})


def _plain(name: str) -> str:
    """A computer's name without what cannot be seen."""
    return "".join(each for each in name if each.isprintable()).strip()
