"""Waits for a machine on behalf of a call that cannot be answered without one."""

from __future__ import annotations

import logging
from collections import Counter

from starlette.requests import HTTPConnection

from wake_service.app import Service
from wake_service.comfy.client import EngineClient
from wake_service.gateway.doorway import GatewayVisit
from wake_service.gateway.refusals import unavailable
from wake_service.machinery import POOL
from wake_service.machines.model import MachineState

log = logging.getLogger(__name__)

#: ComfyUI's web page gives up a call after 60 s without an answer.
BROWSER_SECONDS = 55.0
#: Calls of one artist that wait at once.
MOST_WAITING = 64
_COMES = frozenset({MachineState.WAKING, MachineState.READY, MachineState.BUSY})


def is_browser(connection: HTTPConnection) -> bool:
    """Whether ComfyUI's web page asks, rather than a program."""
    headers = connection.headers
    return "sec-fetch-dest" in headers or "comfy-user" in headers or headers.get("user-agent", "").startswith("Mozilla/")


def may_wake(connection: HTTPConnection, visit: GatewayVisit) -> bool:
    """Whether a call is reason enough to wake a machine: pages ask by themselves, again and again, as long as they are open."""
    if not visit.may_paint:
        return False
    if connection.scope["type"] == "websocket":
        return False
    asks_only = connection.scope["method"] in ("GET", "HEAD")
    return not asks_only or not is_browser(connection) or connection.headers.get("sec-fetch-dest") == "document"


def _comes(service: Service) -> bool:
    """Whether a machine is on its way, for whatever reason."""
    return any(machine.pool == POOL and machine.state in _COMES for machine in service.fleet.all())


async def awake_engine(connection: HTTPConnection, visit: GatewayVisit) -> EngineClient:
    """The engine, once there is one; wakes it if the call may. Raises Refusal (503) when there is none in time."""
    service, artist_id = visit.service, visit.who.artist_id
    engine = service.engine(POOL, artist_id)
    if engine is not None:
        return engine
    if service.engine(POOL) is not None:
        raise unavailable(
            "The machine serves another artist now. Queue a workflow: in its turn the machine is yours, and this works.", 30
        )
    wakes = may_wake(connection, visit)
    if not wakes and not _comes(service):
        raise unavailable("The machine sleeps, and this call does not wake it. It wakes when a workflow is queued.", 30)
    waiting: Counter[str] = connection.app.state.waiting
    if waiting[visit.who.artist_id] >= MOST_WAITING:
        raise unavailable("So many calls wait for the machine already that no more can. Try again when it is awake.", 30)
    hold = service.settings.gateway_hold_seconds
    waiting[visit.who.artist_id] += 1
    log.info("%s waits for a machine%s", connection.scope["path"], ", and wakes one" if wakes else "")
    try:
        engine = await _until_awake(visit, min(hold, BROWSER_SECONDS) if is_browser(connection) else hold, wakes=wakes)
    finally:
        waiting[visit.who.artist_id] -= 1
        if not waiting[visit.who.artist_id]:
            del waiting[visit.who.artist_id]
    if engine is None:
        raise unavailable("The machine is still waking, and this call needs it. Nothing was done: send it again soon.", 10)
    return engine


async def _until_awake(visit: GatewayVisit, seconds: float, *, wakes: bool) -> EngineClient | None:
    """The engine, waited for as long as this; as long as she waits who may wake it, she wants it."""
    service, until = visit.service, visit.service.clock.now() + seconds
    while (left := until - service.clock.now()) > 0:
        if wakes:
            service.wish(visit.who)
        engine = await service.until_awake(min(left, service.settings.wish_seconds / 2), POOL, visit.who.artist_id)
        if engine is not None:
            return engine
    return None
