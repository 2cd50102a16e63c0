"""`/api/jobs`: listing and cancelling, only below `/api` as in ComfyUI."""

from __future__ import annotations

from aiohttp import web

from .. import jobs
from ..engine import Engine
from .bodies import json_object


def routes(engine: Engine) -> list[web.RouteDef]:
    """The routes of this file."""

    async def listing(request: web.Request) -> web.Response:
        try:
            return web.json_response(jobs.page(engine.queue, request.query))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def one(request: web.Request) -> web.Response:
        job = jobs.find(engine.queue, request.match_info["job_id"])
        return web.json_response({"error": "Job not found"}, status=404) if job is None else web.json_response(job)

    async def cancel_one(request: web.Request) -> web.Response:
        cancelled = engine.queue.cancel(request.match_info["job_id"], engine.executor.interrupt)
        return web.json_response({"cancelled": cancelled})

    async def cancel_many(request: web.Request) -> web.Response:
        ids = (await json_object(request)).get("job_ids")
        if not isinstance(ids, list) or not ids:
            return web.json_response({"error": "job_ids must be a non-empty list"}, status=400)
        if invalid := [each for each in ids if not jobs.is_job_id(each)]:
            return web.json_response({"error": "job_ids must be valid UUIDs", "invalid_ids": invalid}, status=400)
        cancelled = [engine.queue.cancel(each, engine.executor.interrupt) for each in ids]
        return web.json_response({"cancelled": any(cancelled)})

    return [
        web.get("/api/jobs", listing),
        web.post("/api/jobs/cancel", cancel_many),
        web.get("/api/jobs/{job_id}", one),
        web.post("/api/jobs/{job_id}/cancel", cancel_one),
    ]
