"""`/v2/jobs/{id}/events`: the present state of a job as server-sent events, until its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from wake_service.accounts.tokens import is_good
from wake_service.clock import within
from wake_service.files.asset_records import Asset
from wake_service.gateway.doorway import GatewayVisit
from wake_service.gateway.open_sockets import RECHECK_SECONDS
from wake_service.gateway.v2.answers import enveloped, refused
from wake_service.gateway.v2.desk import Desk, visitor
from wake_service.gateway.v2.frames import KEEPALIVE, KEEPALIVE_SECONDS, PACE_SECONDS, Preview, State, Teller
from wake_service.jobs.model import Job
from wake_service.workflows.news import Follower, OutputNews, PreviewNews, StateNews

#: Proxies on the way must neither keep nor gather what is said.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@enveloped
async def events(request: Request) -> Response:
    """The stream. To one too many it is said (501) that there is none: the SDKs then poll, which is always answered."""
    desk, visit = visitor(request)
    job = await desk.job(visit, request.path_params["job_id"])
    most = visit.service.settings.gateway_sockets_per_token
    if desk.streams.get(visit.who.token_id, 0) >= most:
        raise refused(501, "not_implemented", f"{most} event streams are open with this token already. Poll the job instead.")
    return StreamingResponse(_stream(desk, visit, job), headers=_HEADERS, media_type="text/event-stream")


async def _stream(desk: Desk, visit: GatewayVisit, job: Job) -> AsyncIterator[bytes]:
    with _counted(desk, visit.who.token_id):
        async with visit.service.workflows.follow(job.id) as follower:
            reader = _Reader(desk, visit, job)
            while not reader.teller.over and await reader.is_welcome():
                for frame in await reader.frames():
                    yield frame
                if not reader.teller.over and not await reader.wait(follower):
                    yield KEEPALIVE


class _Reader:
    """One stream: looks again when there are news, and when something has waited for its pace."""

    def __init__(self, desk: Desk, visit: GatewayVisit, job: Job) -> None:
        self.teller = Teller()
        self._desk = desk
        self._visit = visit
        self._clock = visit.service.clock
        self._job = job
        self._outputs: list[Asset] | None = None
        self._preview: tuple[PreviewNews, Preview] | None = None
        self._held_back = False
        self._quiet_since = self._checked_at = self._clock.now()

    async def is_welcome(self) -> bool:
        """Whether the token that opened the stream is still good; looked at now and then."""
        now = self._clock.now()
        if now < self._checked_at + RECHECK_SECONDS:
            return True
        self._checked_at = now
        return await self._visit.service.store.read(partial(is_good, token_id=self._visit.who.token_id, now=now))

    async def frames(self) -> list[bytes]:
        """What the reader does not know yet."""
        self._job = await self._visit.service.book.find(self._job.id) or self._job
        if self._outputs is None or not self._job.unfinished:
            self._outputs = await self._desk.outputs(self._job)
        state = self._state(await self._desk.view(self._visit, self._job, self._outputs))
        now = self._clock.now()
        found = list(self.teller.frames(state, now))
        self._held_back = self.teller.held_back(state)
        if found:
            self._quiet_since = now
        return found

    async def wait(self, follower: Follower) -> bool:
        """Returns when it is time to look again; False when the silence must be broken."""
        looked_at = self._clock.now()
        look_again = looked_at + PACE_SECONDS if self._held_back else float("inf")
        while True:
            until = min(look_again, self._quiet_since + KEEPALIVE_SECONDS)
            try:
                news = await within(self._clock, until - self._clock.now(), follower.take())
            except TimeoutError:
                if until == look_again:
                    return True
                self._quiet_since = self._clock.now()
                return False
            if isinstance(news, OutputNews | StateNews):
                self._outputs = None
                return True
            look_again = looked_at + PACE_SECONDS  # steps and previews are looked at together

    def _state(self, view: dict[str, Any]) -> State:
        return State(view["status"], view["queue_position"], view["progress"], view["outputs"], self._newest_preview())

    def _newest_preview(self) -> Preview | None:
        """The same object as long as it is the same picture."""
        news = self._visit.service.workflows.latest(self._job.id).preview
        if news is None or news.node_id is None:
            return None
        if self._preview is None or self._preview[0] is not news:
            self._preview = news, Preview(news.node_id, news.media_type, news.data)
        return self._preview[1]


@contextmanager
def _counted(desk: Desk, token_id: str) -> Iterator[None]:
    desk.streams[token_id] = desk.streams.get(token_id, 0) + 1
    try:
        yield
    finally:
        desk.streams[token_id] -= 1
        if not desk.streams[token_id]:
            del desk.streams[token_id]


routes: list[BaseRoute] = [Route("/v2/jobs/{job_id}/events", events, methods=["GET"])]
