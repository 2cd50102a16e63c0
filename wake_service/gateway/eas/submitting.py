"""`POST /eas/prompt`, to poll for, and `POST /eas/api_prompt`, whose result goes to a subscription."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from wake_service.answers import json_answer
from wake_service.errors import RequestError
from wake_service.gateway import prompts
from wake_service.gateway.doorway import GatewayVisit, visit_of
from wake_service.gateway.eas import views, wishes
from wake_service.gateway.permission import check_may_paint
from wake_service.gateway.refusals import Refusal, comfy_error
from wake_service.jobs.model import Face, Job
from wake_service.machinery import POOL
from wake_service.store.store import Transaction
from wake_service.workflows import tasks
from wake_service.workflows.judge import judge
from wake_service.workflows.model import GraphRefused, Submission


async def prompt(request: Request) -> Response:
    """Takes `{"prompt": workflow}` in, as ComfyUI does."""
    await _json(request)
    return await prompts.submit(request)


async def look(request: Request) -> Response:
    """A prompt or task as it is now."""
    visit = visit_of(request)
    found = await visit.service.workflows.named(visit.who.artist_id, request.path_params["prompt_id"])
    if found is None:
        told = "There is no prompt of yours by this id. It may have been taken out of the history."
        raise comfy_error(404, "not_found", told, request.path_params["prompt_id"])
    return json_answer(views.prompt(*found, visit.base))


async def api_prompt(request: Request) -> Response:
    """Takes a workflow in under its `task_id`. A second one under the same is the same task, whatever became of it meanwhile."""
    visit = visit_of(request)
    task_id = wishes.task_id(request.query_params) or str(uuid.uuid4())
    graph = await _json(request)
    earlier = await visit.service.workflows.sink.find(visit.who.artist_id, task_id)
    job_id = earlier.job_id if earlier is not None else await _accepted(visit, task_id, graph)
    return json_answer({"task_id": task_id, "prompt_id": job_id, "repeated": earlier is not None})


async def _accepted(visit: GatewayVisit, task_id: str, body: object) -> str:
    """The id of the job that the workflow has become. Raises Refusal."""
    service, who = visit.service, visit.who
    try:
        graph = judge(body, service.catalogues.get(POOL))
        await check_may_paint(visit, graph)
        also, key = partial(_write_task, task_id), f"{Face.EAS}:{task_id}"
        accepted = await service.workflows.submit(who, POOL, Submission(Face.EAS, graph, key=key, also=also))
    except GraphRefused as refused:
        raise Refusal(400, {"error": refused.error, "node_errors": refused.node_errors}) from refused
    except RequestError as error:
        same = await service.workflows.sink.find(who.artist_id, task_id)
        if same is None:
            raise comfy_error(error.status, error.code, f"{error.title} {error.hint}".strip()) from error
        return same.job_id  # sent twice at once, with something changed
    return accepted.job.id


def _write_task(task_id: str, tx: Transaction, job: Job) -> None:
    tasks.add(tx, job.id, job.artist_id, task_id)


async def _json(request: Request) -> Any:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        told = "The body is no JSON. Send the workflow as “Export (API)” writes it."
        raise comfy_error(400, "invalid_json", told, str(error)) from error
