"""One ordered stream per artist: over a WebSocket, or by long poll where proxies forbid upgrades."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, WebSocket
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect, WebSocketState

from wake_service.accounts.tokens import Identity
from wake_service.api.access import Reading, identity_of, service_of
from wake_service.api.me import me_view
from wake_service.api.problems import invalid, problem
from wake_service.app import Service
from wake_service.errors import RequestError
from wake_service.jobs import events, records
from wake_service.jobs.events import Event, EventType, Position, envelope
from wake_service.jobs.hub import Frame, Subscription
from wake_service.jobs.model import Job

router = APIRouter()

#: How often the token of an open stream is looked at again, in seconds.
RECHECK_SECONDS = 15.0
#: Close codes of RFC 6455: policy violation, and (IANA) try again later.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


@router.websocket("/v1/events")
async def stream(socket: WebSocket) -> None:
    """What was missed, then everything as it happens."""
    service = service_of(socket)
    try:
        who = await identity_of(socket)
        after = _number(socket.query_params.get("after"))
    except RequestError as error:
        await socket.send_denial_response(problem(error))
        return
    with _subscribed(service, who.artist_id) as subscription:
        await socket.accept()
        frames = await _opening(service, who, after, socket.query_params.get("stream"))
        passing = asyncio.create_task(_pass_on(socket, subscription, frames))
        watching = [asyncio.create_task(_until_gone(socket)), asyncio.create_task(_until_refused(socket, service))]
        try:
            await asyncio.wait([passing, *watching], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (passing, *watching):
                task.cancel()
            await asyncio.gather(passing, *watching, return_exceptions=True)
        if socket.application_state is WebSocketState.CONNECTED and socket.client_state is WebSocketState.CONNECTED:
            code = TRY_AGAIN_LATER if subscription.overrun else POLICY_VIOLATION
            await socket.close(code)


@router.get("/v1/events")
async def long_poll(
    visit: Reading,
    after: Annotated[int | None, Query(ge=0)] = None,
    stream: str | None = None,
    wait: Annotated[float, Query(ge=0, le=30)] = 0.0,
) -> Response:
    """The same stream in answers: at once if something durable is there, else as soon as it comes, or after `wait` seconds."""
    service, who = visit.service, visit.who
    with _subscribed(service, who.artist_id) as subscription:
        position, frames = await _missed(service, who, after, stream)
        if not frames:
            await _something(subscription, wait)
            position, frames = await _missed(service, who, after, stream)
    listed = b",".join(frame.body for frame in frames)
    progress = [orjson.loads(envelope(None, None, event)) for event in service.telling.newest_progress(who.artist_id)]
    rest = {"stream": position.stream_id, "seq": position.seq, "machines": service.machine_views(), "progress": progress}
    return Response(orjson.dumps(rest)[:-1] + b',"events":[' + listed + b"]}", media_type="application/json")


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        raise invalid(422, "“after” must be a number.", "after")
    return int(text)


@contextmanager
def _subscribed(service: Service, artist_id: str) -> Iterator[Subscription]:
    subscription = service.hub.subscribe(artist_id)
    try:
        yield subscription
    finally:
        service.hub.unsubscribe(artist_id, subscription)


async def _opening(service: Service, who: Identity, after: int | None, stream_id: str | None) -> list[Frame]:
    """A snapshot, or what was missed and then the machines as they are now."""
    _, frames = await _missed(service, who, after, stream_id)
    if len(frames) == 1 and frames[0].seq is None:
        return frames
    now = service.clock.now()
    for view in service.machine_views():
        data = orjson.dumps({"machine": view})
        frames.append(Frame(envelope(None, None, Event(EventType.MACHINE_CHANGED, now, data, machine_id=view["id"]))))
    return frames


async def _missed(service: Service, who: Identity, after: int | None, stream_id: str | None) -> tuple[Position, list[Frame]]:
    """Where the stream stands, and the durable events after a position; one snapshot when the position means nothing here."""

    def read(conn: Connection) -> tuple[Position, list[Frame] | None]:
        position = events.position(conn, who.artist_id)
        if after is None or not position.can_replay(stream_id, after):
            return position, None
        return position, events.after(conn, who.artist_id, position.stream_id, after)

    position, frames = await service.store.read(read)
    if frames is None:
        return await _snapshot(service, who)
    return position, frames


async def _snapshot(service: Service, who: Identity) -> tuple[Position, list[Frame]]:
    now = service.clock.now()
    since = now - service.settings.keep_events_days * 86400

    def read(conn: Connection) -> tuple[Position, list[Job]]:
        return events.position(conn, who.artist_id), records.recent(conn, who.artist_id, since)

    position, jobs = await service.store.read(read)
    data = {
        "seq": position.seq,
        "jobs": [service.book.view(job) for job in jobs],
        "machines": service.machine_views(),
        "me": me_view(who, service),
    }
    body = envelope(position.stream_id, position.seq, Event(EventType.SNAPSHOT, now, orjson.dumps(data)))
    return position, [Frame(body)]


async def _pass_on(socket: WebSocket, subscription: Subscription, opening: list[Frame]) -> None:
    """Sends the opening, then what is published; what was in the opening already is not sent twice."""
    sent = -1
    try:
        for frame in opening:
            sent = max(sent, frame.seq if frame.seq is not None else orjson.loads(frame.body)["seq"] or -1)
            await _send(socket, frame)
        while not (subscription.overrun and not len(subscription)):
            frame = await subscription.get()
            if frame.seq is None or frame.seq > sent:
                await _send(socket, frame)
    except WebSocketDisconnect:
        return


async def _send(socket: WebSocket, frame: Frame) -> None:
    if frame.binary:
        await socket.send_bytes(frame.body)
    else:
        await socket.send_text(frame.body.decode())


async def _until_gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue


async def _until_refused(socket: WebSocket, service: Service) -> None:
    """A token that is revoked or expires ends its streams."""
    while True:
        await service.clock.sleep(RECHECK_SECONDS)
        try:
            await identity_of(socket)
        except RequestError:
            return


async def _something(subscription: Subscription, wait: float) -> None:
    """Waits for a durable event or a change of a machine."""
    try:
        async with asyncio.timeout(wait):
            while True:
                frame = await subscription.get()
                if frame.seq is not None or frame.machine:
                    return
    except TimeoutError:
        return
