"""Sending prompts, and what becomes of them: `/prompt`, `/queue`, `/history`, `/interrupt`, `/free`."""

from __future__ import annotations

import logging
import math
import time
import uuid
from typing import Any

from aiohttp import web

from ..engine import Engine, queue_status
from ..jobs import is_job_id
from ..prompts import SECRETS, Item
from ..validation import problem
from .bodies import json_object, number

log = logging.getLogger(__name__)


def routes(engine: Engine) -> list[web.RouteDef]:
    """The routes of this file."""
    return [*_queue_routes(engine), *_history_routes(engine)]


def _queue_routes(engine: Engine) -> list[web.RouteDef]:
    async def get_prompt(request: web.Request) -> web.Response:
        return web.json_response(queue_status(engine.queue.remaining())["data"]["status"])

    async def post_prompt(request: web.Request) -> web.Response:
        return _accept(engine, await json_object(request), request.headers.get("Comfy-Usage-Source"))

    async def get_queue(request: web.Request) -> web.Response:
        running, pending = engine.queue.snapshot()
        return web.json_response(
            {"queue_running": [item.on_wire() for item in running], "queue_pending": [item.on_wire() for item in pending]}
        )

    async def post_queue(request: web.Request) -> web.Response:
        body = await json_object(request)
        if body.get("clear"):
            engine.queue.clear()
        for prompt_id in _names(body, "delete"):
            engine.queue.delete(prompt_id)
        return web.Response()

    async def post_interrupt(request: web.Request) -> web.Response:
        body = await json_object(request) if request.can_read_body else {}
        prompt_id = body.get("prompt_id")
        if not prompt_id or engine.queue.is_running(str(prompt_id)):
            engine.executor.interrupt()
        return web.Response()

    return [
        web.get("/prompt", get_prompt),
        web.post("/prompt", post_prompt),
        web.get("/queue", get_queue),
        web.post("/queue", post_queue),
        web.post("/interrupt", post_interrupt),
    ]


def _history_routes(engine: Engine) -> list[web.RouteDef]:
    async def get_history(request: web.Request) -> web.Response:
        limit, offset = number(request.query.get("max_items")), number(request.query.get("offset"))
        return web.json_response(engine.queue.history(limit=limit, offset=-1 if offset is None else offset))

    async def get_one_history(request: web.Request) -> web.Response:
        return web.json_response(engine.queue.history(request.match_info["prompt_id"]))

    async def post_history(request: web.Request) -> web.Response:
        body = await json_object(request)
        if body.get("clear"):
            engine.queue.forget(None)
        for prompt_id in _names(body, "delete"):
            engine.queue.forget(prompt_id)
        return web.Response()

    async def post_free(request: web.Request) -> web.Response:
        body = await json_object(request)
        engine.queue.free(models=bool(body.get("unload_models")), memory=bool(body.get("free_memory")))
        return web.Response()

    return [
        web.get("/history", get_history),
        web.get("/history/{prompt_id}", get_one_history),
        web.post("/history", post_history),
        web.post("/free", post_free),
    ]


def _accept(engine: Engine, body: dict[str, Any], source: str | None) -> web.Response:
    """Queues a prompt or says why not. A number is used up either way."""
    order = _order(engine, body)
    if order is None:
        return _refused(problem("invalid_prompt", "The number of a prompt must be a number.", str(body.get("number"))))
    if "prompt" not in body:
        return _refused(problem("no_prompt", "No prompt provided", "No prompt provided"))
    prompt_id = body.get("prompt_id")
    if prompt_id is None:
        prompt_id = str(uuid.uuid4())
    elif not is_job_id(prompt_id):
        details = "It must be a UUID in lower case with hyphens; leave it out to get one."
        return _refused(problem("invalid_prompt_id", "prompt_id must be a valid UUID", details))
    verdict = engine.validator.check(body["prompt"], body.get("partial_execution_targets"))
    if verdict.error:
        log.warning("Invalid prompt: %s", verdict.error["message"])
        return _refused(verdict.error, verdict.node_errors)
    given = body.get("extra_data")
    extra = {name: value for name, value in (given.items() if isinstance(given, dict) else ()) if name not in SECRETS}
    extra["create_time"] = int(time.time() * 1000)
    if source:
        extra["comfy_usage_source"] = source
    if "client_id" in body:
        extra["client_id"] = body["client_id"]
    log.info("got prompt")
    engine.queue.put(Item(order, prompt_id, body["prompt"], extra, verdict.outputs))
    return web.json_response({"prompt_id": prompt_id, "number": order, "node_errors": verdict.node_errors})


def _order(engine: Engine, body: dict[str, Any]) -> float | None:
    """The prompt's place in the queue, lowest first; None for something that is no number."""
    if "number" in body:
        try:
            order = float(body["number"])
        except (TypeError, ValueError):
            return None
        return order if math.isfinite(order) else None
    turn = next(engine.numbers)
    return -turn if body.get("front") else turn


def _refused(error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": error, "node_errors": node_errors or {}}, status=400)


def _names(body: dict[str, Any], member: str) -> list[str]:
    names = body.get(member)
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
