"""Reading what clients send."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; {} for other JSON. Malformed JSON is a plain 500, as ComfyUI answers it."""
    try:
        body = json.loads(await request.text())
    except (ValueError, RecursionError, LookupError) as error:
        raise web.HTTPInternalServerError(text="500 Internal Server Error\n\nThe body is not valid JSON.") from error
    return body if isinstance(body, dict) else {}


def number(text: str | None) -> int | None:
    """A number of a query; a plain 400 for anything else."""
    try:
        return None if text is None else int(text)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{text!r} is not a number.") from error
