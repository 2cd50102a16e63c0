"""A request's body, as long and as quick as it may be."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from wake_service.gateway.refusals import Refusal

#: How long a body may give no byte, in seconds.
QUIET_SECONDS = 30.0
#: The slowest that a body may come, in bytes per second, once it had QUIET_SECONDS: a modem of 1998 is four times as quick.
SLOWEST = 1024.0


class Intake:
    """Counts and times what a request brings. A flaw is raised where the body is read, and kept in `refusal`.

    Only waiting for the client is timed, not how long its body is held back here.
    """

    def __init__(self, receive: Receive, limit: int, quiet_seconds: float = QUIET_SECONDS, slowest: float = SLOWEST) -> None:
        self.refusal: Refusal | None = None
        self._receive = receive
        self._limit = limit
        self._quiet_seconds = quiet_seconds
        self._slowest = slowest
        self._size = 0
        self._waited = 0.0
        self._complete = False

    async def receive(self) -> Message:
        """The next piece. Raises Refusal."""
        if self._complete:
            return await self._receive()
        allowed = min(self._quiet_seconds, self._quiet_seconds + self._size / self._slowest - self._waited)
        began = time.monotonic()
        try:
            async with asyncio.timeout(allowed):
                message = await self._receive()
        except TimeoutError:
            raise self._refused(_too_slow(self._size)) from None
        self._waited += time.monotonic() - began
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > self._limit:
                raise self._refused(too_large(self._limit, self._size))
        return message

    def _refused(self, refusal: Refusal) -> Refusal:
        self.refusal = refusal
        return refusal


def check_announced(headers: Headers, limit: int) -> None:
    """Raises Refusal for a body that says of itself that it is too large, before any of it is read."""
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise too_large(limit, int(announced))


def too_large(limit: int, size: int) -> Refusal:
    """413 in the words of ComfyUI's server (aiohttp)."""
    return Refusal(413, f"Maximum request body size {limit} exceeded, actual body size {size}")


def _too_slow(size: int) -> Refusal:
    text = f"The rest of the request did not come; {size:,} bytes of it did. Nothing was done with it: send it again."
    return Refusal(408, text, {"Connection": "close"})
