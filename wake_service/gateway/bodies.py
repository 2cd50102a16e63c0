"""Reading what clients send, with ComfyUI's answers to what cannot be read."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
from starlette.requests import Request

from wake_service.gateway.refusals import Refusal, comfy_error


async def json_object(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """The body as a JSON object. Raises Refusal: malformed JSON is a plain 500 in ComfyUI, and clients know it so."""
    body = await request.body()
    if not body and optional:
        return {}
    try:
        parsed = _parsed(body)
    except ValueError as error:
        raise Refusal(500, "500 Internal Server Error\n\nThe body is no JSON.") from error
    if not isinstance(parsed, dict):
        raise comfy_error(400, "invalid_prompt", "The body must be a JSON object.", type(parsed).__name__)
    return parsed


def _parsed(body: bytes) -> Any:
    """ComfyUI reads JSON as Python writes it, `NaN` included. Raises ValueError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if not any(word in body for word in (b"NaN", b"Infinity")):
            raise
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def names(body: dict[str, Any], member: str) -> list[str]:
    """A member that lists ids; what is none is left out."""
    listed = body.get(member)
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def number(body: dict[str, Any]) -> float | None:
    """A prompt's own place in the queue. Raises Refusal."""
    if "number" not in body:
        return None
    try:
        value = float(body["number"])
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise comfy_error(400, "invalid_prompt", "The number of a prompt must be a number.", str(body["number"])[:100])
    return value
