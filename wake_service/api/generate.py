"""The one call that makes a job."""

from __future__ import annotations

import hashlib
import secrets
from functools import partial

from fastapi import APIRouter, Request
from sqlalchemy import Connection, select
from starlette.responses import Response
from starlette.routing import Route

from wake_service.accounts.tokens import Identity
from wake_service.answers import json_answer
from wake_service.api import problems
from wake_service.api.access import painting
from wake_service.api.asking import MAX_SIDE, GenerateBody
from wake_service.api.bodies import read_body
from wake_service.api.me import month_name, next_month_day
from wake_service.api.styling import check_style, filler
from wake_service.app import Service
from wake_service.blobs.life import exceeds
from wake_service.blobs.records import used_bytes
from wake_service.comfy.request import Mode
from wake_service.errors import RequestError
from wake_service.jobs.model import JobRequest, Region
from wake_service.jobs.submissions import blob_missing
from wake_service.machinery import POOL
from wake_service.machines.views import price_view
from wake_service.store.tables import blob_grants, blobs

router = APIRouter()

#: Generous for 10,000 characters of any script and all else.
_MAX_BODY = 200_000


async def generate(request: Request) -> Response:
    """Accepts a job: durable before it is acknowledged."""
    visit = await painting(request)
    service, who = visit.service, visit.who
    raw = await read_body(request, _MAX_BODY, problems.invalid(413, "The request is too long."))
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise problems.invalid(422, "An Idempotency-Key has 1 to 200 characters.", "idempotency-key")
    body = GenerateBody.parsed(raw)
    digest = hashlib.sha256(raw).hexdigest()
    try:
        wanted = await _acceptable(body, who, service)
    except RequestError:
        earlier = None if key is None else await service.submissions.earlier(who, key, digest)
        if earlier is None:
            raise
        job, price = earlier, service.exchange.price(POOL, service.work_seconds(earlier.painting))
    else:
        price = service.exchange.price(POOL, service.work_seconds(wanted))
        job = await service.submissions.submit(who, POOL, wanted, key, digest, gather=body.gather, front=body.front)
        if job.front and not job.gathered:
            await service.dispatcher.make_way(job)
    return json_answer({"job": service.book.view(job), "price": price_view(price, service.settings.currency)}, 202)


#: A plain route: resolving FastAPI's dependencies would cost as much as accepting the job.
router.routes.append(Route("/v1/generate", generate, methods=["POST"]))


async def _acceptable(body: GenerateBody, who: Identity, service: Service) -> JobRequest:
    """What is asked for, if it may be asked now. Raises RequestError."""
    check_style(body, who, service)
    if body.count > service.settings.max_count:
        raise problems.invalid(422, f"At most {service.settings.max_count} pictures can be asked for at once.", "count")
    wanted = await _job_request(body, who, service)
    if not await service.has_room():
        raise problems.storage_full()
    await _check_quota(who, service)
    if not body.gather and not service.exchange.may_begin(who.team_id, POOL, body.count):
        raise budget_exhausted(who, service)
    if service.book.board.count_of_artist(who.artist_id) >= service.settings.max_unfinished_jobs:
        raise RequestError(
            429, "queue_full", "So many pictures are waiting already.", hint="Wait for some, or cancel them.", retry_after=10
        )
    return wanted


async def _check_quota(who: Identity, service: Service) -> None:
    quota = service.settings.quota_bytes
    if quota is not None and exceeds(quota, await service.store.read(partial(used_bytes, artist_id=who.artist_id)), 1):
        raise problems.quota_exceeded(quota)


async def _job_request(body: GenerateBody, who: Identity, service: Service) -> JobRequest:
    image, mask = _inputs(body)
    width, height = body.width, body.height
    if image is not None and (width is None or height is None):
        sizes = await service.store.read(partial(_size_of, who.artist_id, image))
        width, height = width or sizes[0], height or sizes[1]
    if width is None or height is None:
        raise problems.invalid(422, "The size of the picture is missing.", "width" if width is None else "height")
    if max(width, height) > MAX_SIDE:
        raise problems.invalid(422, f"{width} x {height} is more than {MAX_SIDE:,} pixels wide or high.", "width")
    if width * height > service.settings.max_pixels:
        raise problems.invalid(422, f"{width} x {height} is more than {service.settings.max_pixels:,} pixels.", "width")
    first_pass = (body.first_pass.width, body.first_pass.height) if body.first_pass else None
    if first_pass and (first_pass[0] > width or first_pass[1] > height):
        raise problems.invalid(422, "A first pass is no larger than the picture.", "first_pass")
    fill = filler(body, who, service)
    return JobRequest(
        mode=body.mode,
        prompt=body.prompt,
        negative_prompt=body.negative_prompt,
        style=body.style,
        strength=body.strength,
        width=width,
        height=height,
        seed=secrets.randbits(63) if body.seed is None else body.seed,
        count=body.count,
        image=image,
        mask=mask,
        region=Region(**body.region.model_dump()) if body.region else None,
        reference=body.reference,
        loras=body.own_loras(),
        overrides=body.own_overrides(),
        first_pass=first_pass,
        fill_model=fill.name,
        group=body.group,
        remark=fill.remark,
    )


def _inputs(body: GenerateBody) -> tuple[str | None, str | None]:
    """The image and mask that the mode uses; the others are ignored."""
    if body.mode is Mode.TEXT_TO_IMAGE:
        return None, None
    if body.image is None:
        hint = "Send the picture to start from."
        raise RequestError(422, "image_required", "This mode starts from a picture, and none was sent.", hint=hint, field="image")
    if body.mode is Mode.IMAGE_TO_IMAGE:
        return body.image, None
    if body.mask is None:
        hint = "Send a mask: white is painted, black is kept."
        raise RequestError(422, "mask_required", "Filling needs a mask, and none was sent.", hint=hint, field="mask")
    return body.image, body.mask


def _size_of(artist_id: str, sha256: str, conn: Connection) -> tuple[int, int]:
    """The upload's size in pixels, rounded down to what engines can make."""
    query = select(blobs.c.width, blobs.c.height).join_from(blob_grants, blobs)
    row = conn.execute(query.where(blob_grants.c.artist_id == artist_id, blobs.c.sha256 == sha256)).one_or_none()
    if row is None:
        raise blob_missing([sha256])
    return max(64, row.width // 8 * 8), max(64, row.height // 8 * 8)


def budget_exhausted(who: Identity, service: Service) -> RequestError:
    """402, naming the team, the month and the amount."""
    now = service.clock.now()
    amount, currency = (who.month_budget_micros or 0) / 1_000_000, service.settings.currency
    spent = service.spending.budget(who.team_id).spent_micros / 1_000_000
    return RequestError(
        402,
        "budget_exhausted",
        f"The team's budget for {month_name(now)} ({amount:g} {currency}) is used up.",
        hint=f"Ask your admin, or wait until {next_month_day(now)}.",
        detail=f"Team {who.team_name}: {spent:.2f} of {amount:g} {currency} spent; the rest is promised to machines that are up,"
        f" or less than a picture takes with the time that a machine stays awake for it.",
    )
