"""The engine on loopback: its queue, its history, and the socket on which it says that either has changed."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator
from typing import Any, Protocol

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from cloud_image.errors import MachineError

from .clock import beside
from .prompts import Finished, Work, read_history, read_work

CLIENT = "wakebrush-agent"
#: Seconds until an answer of the engine is given up. Its Python is busy for seconds at a time while it loads weights.
ANSWER_SECONDS = 15.0
#: Bytes of the longest answer that is read; a graph may carry pictures.
MAX_ANSWER = 64 * 1024 * 1024
MAX_MESSAGE = 16 * 1024 * 1024
#: Characters of a message within which ComfyUI writes its type.
_TYPE_WITHIN = 64


class EngineGone(MachineError):
    """Nothing answers where the engine should."""


class EngineSilent(MachineError):
    """The engine is there, and gave no good answer in time."""


class EngineApi(Protocol):
    """What the agent needs of an engine. Every call has a deadline and raises EngineGone or EngineSilent."""

    async def work(self) -> Work:
        """What runs and waits."""

    async def finished(self, newest: int) -> list[Finished]:
        """The last so many prompts that have run, oldest first."""

    def changes(self) -> AsyncIterator[None]:
        """One as soon as the engine answers, then one at every change of its queue. Raises EngineGone when it ends."""


class EngineClient:
    """An engine on this computer."""

    def __init__(self, port: int, *, seconds: float = ANSWER_SECONDS) -> None:
        self._port = port
        self._seconds = seconds

    async def work(self) -> Work:
        try:
            return read_work(await self._ask("/queue"))
        except ValueError as flaw:
            raise EngineSilent(f"The engine's queue cannot be read: {flaw}.") from flaw

    async def finished(self, newest: int) -> list[Finished]:
        try:
            return read_history(await self._ask(f"/history?max_items={newest}"))
        except ValueError as flaw:
            raise EngineSilent(f"The engine's history cannot be read: {flaw}.") from flaw

    async def changes(self) -> AsyncIterator[None]:
        address = f"ws://127.0.0.1:{self._port}/ws?clientId={CLIENT}"
        try:
            async with connect(
                address,
                compression=None,
                max_size=MAX_MESSAGE,
                max_queue=64,
                open_timeout=self._seconds,
                ping_interval=None,
                proxy=None,
            ) as socket:
                yield None
                async for message in socket:
                    if isinstance(message, str) and _is_status(message):
                        yield None
        except (OSError, WebSocketException, TimeoutError) as error:
            raise EngineGone(f"The engine does not answer: {error or type(error).__name__}.") from error
        raise EngineGone("The engine closed its socket.")

    async def _ask(self, path: str) -> Any:
        return await beside(lambda: _get(self._port, path, self._seconds))


def _get(port: int, path: str, seconds: float) -> Any:
    """The JSON under a path of the engine; blocks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(MAX_ANSWER + 1)
    except ConnectionError as error:
        raise EngineGone(f"The engine does not answer: {error}.") from error
    except (OSError, http.client.HTTPException) as error:
        raise EngineSilent(f"The engine gave no answer for {path}: {error or type(error).__name__}.") from error
    finally:
        connection.close()
    if answer.status != 200 or len(body) > MAX_ANSWER:
        raise EngineSilent(f"The engine answered {answer.status} with {len(body)} bytes for {path}, which is of no use.")
    try:
        return json.loads(body)
    except RecursionError as deep:
        raise EngineSilent(f"The engine's answer for {path} is nested too deeply to be read.") from deep


def _is_status(message: str) -> bool:
    """Whether it says that the queue has changed; what else the engine says (each step, where a prompt has no client) is passed
    over without being read."""
    if '"status"' not in message[:_TYPE_WITHIN]:
        return False
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and fields.get("type") == "status"
