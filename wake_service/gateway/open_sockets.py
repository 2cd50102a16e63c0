"""Which tokens have event sockets open: no more than they may, and none for longer than its token is good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from wake_service.background import Background
from wake_service.clock import Clock
from wake_service.errors import StorageError
from wake_service.gateway.refusals import unavailable

log = logging.getLogger(__name__)

#: How often the tokens of open sockets are looked at again, in seconds.
RECHECK_SECONDS = 15.0
#: When a client with too many sockets may try again, in seconds.
_RETRY_SECONDS = 30.0


class TokenEnded(Exception):
    """The token of an open socket is no good any more."""


class OpenSockets:
    """All open sockets by their token's id. `is_good` says whether a token still is."""

    def __init__(self, limit: int, clock: Clock, is_good: Callable[[str], Awaitable[bool]]) -> None:
        self._limit = limit
        self._clock = clock
        self._is_good = is_good
        self._of_token: dict[str, dict[asyncio.Timeout, str]] = {}
        self._background = Background(log)
        self._watch: asyncio.Future[None] | None = None

    def count(self, token_id: str) -> int:
        """How many one token has open."""
        return len(self._of_token.get(token_id, ()))

    @asynccontextmanager
    async def one_more(self, token_id: str, secret: str) -> AsyncIterator[None]:
        """While a socket is open. Raises Refusal when there are enough, and TokenEnded once its token is no good."""
        mine = self._of_token.setdefault(token_id, {})
        if len(mine) >= self._limit:
            told = f"This token has {len(mine)} event sockets open, as many as it may. Close some, or wait."
            raise unavailable(told, _RETRY_SECONDS)
        ending = asyncio.timeout(None)
        try:
            async with ending:
                mine[ending] = secret
                if self._watch is None or self._watch.done():
                    self._watch = self._background.spawn(self._recheck())
                yield
        except TimeoutError as error:
            if not ending.expired():
                raise
            raise TokenEnded from error
        finally:
            del mine[ending]
            if not mine and self._of_token.get(token_id) is mine:
                del self._of_token[token_id]

    async def _recheck(self) -> None:
        """Ends the sockets of tokens that are no good any more; goes when none is open."""
        while self._of_token:
            await self._clock.sleep(RECHECK_SECONDS)
            try:
                for mine in list(self._of_token.values()):
                    await self._end_revoked(mine)
            except StorageError as error:
                log.error("Tokens of open sockets could not be looked at: %s", error)

    async def _end_revoked(self, mine: dict[asyncio.Timeout, str]) -> None:
        secret = next(iter(mine.values()), None)
        if secret is not None and not await self._is_good(secret):
            for ending in list(mine):
                ending.reschedule(asyncio.get_running_loop().time())
