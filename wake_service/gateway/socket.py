"""`/ws`: accepted at once, whatever the machines do; events come from the switchboard."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

import orjson
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from wake_service.gateway.doorway import GatewayVisit, visit_of
from wake_service.workflows import frames
from wake_service.workflows.switchboard import Line

log = logging.getLogger(__name__)

#: What a client may send at once, in bytes; ComfyUI takes 4 MiB, and no client sends more than its flags.
MOST_RECEIVED = 4 * 1024 * 1024
_LONGEST_ID = 200


async def listen(socket: WebSocket) -> None:
    """One client's events, until it goes or another connection takes its name."""
    visit = visit_of(socket)
    client_id = socket.query_params.get("clientId") or uuid.uuid4().hex
    await socket.accept()
    board, artist_id = visit.service.workflows.switchboard, visit.who.artist_id
    line = board.connect(artist_id, client_id[:_LONGEST_ID])
    try:
        await _greet(socket, visit, line)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(socket, line))
            await _receive(socket, visit, line)
            line.close()
            await sending
    except* WebSocketDisconnect:
        log.debug("client %s went", client_id)
    finally:
        board.disconnect(artist_id, line)
        line.close()


async def _greet(socket: WebSocket, visit: GatewayVisit, line: Line) -> None:
    """The first frame, and which node of hers runs now, as ComfyUI tells it to one who comes back."""
    workflows = visit.service.workflows
    first = frames.status(workflows.remaining(visit.who.artist_id), line.client_id)
    await socket.send_text(str(first.body))
    if (node := workflows.running_node(visit.who.artist_id, line.client_id)) is not None:
        await socket.send_text(str(frames.message("executing", {"node": node}).body))


async def _send(socket: WebSocket, line: Line) -> None:
    while (frame := await line.take()) is not None:
        body = frame.for_client(headers=line.headers)
        if isinstance(body, str):
            await socket.send_text(body)
        else:
            await socket.send_bytes(body)
    await socket.close()


async def _receive(socket: WebSocket, visit: GatewayVisit, line: Line) -> None:
    """What a client says matters only where it says, once, what it understands; garbage is no reason to lose its prompts."""
    known = False
    while (message := await socket.receive())["type"] == "websocket.receive":
        text = None if known else message.get("text")
        said = _parsed(text) if text is not None and len(text) <= MOST_RECEIVED else {}
        if said.get("type") == "feature_flags" and isinstance(said.get("data"), dict):
            known = True
            line.headers = bool(said["data"].get("supports_preview_metadata"))
            line.put(frames.message("feature_flags", visit.service.gateway_features()))


def _parsed(text: str) -> dict[str, Any]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


routes: list[BaseRoute] = [WebSocketRoute("/ws", listen)]
