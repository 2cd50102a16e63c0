"""How many sockets a token has open, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from wake_service.clock import ManualClock
from wake_service.errors import StorageError
from wake_service.gateway.open_sockets import RECHECK_SECONDS, OpenSockets, TokenEnded
from wake_service.gateway.refusals import Refusal


class Tokens:
    """Whose goodness a test decides."""

    def __init__(self) -> None:
        self.good = {"one", "two"}
        self.broken = False

    async def is_good(self, secret: str) -> bool:
        if self.broken:
            raise StorageError("the disk is away")
        return secret in self.good


async def hold(sockets: OpenSockets, token: str) -> str:
    """One socket's life: why it ended."""
    try:
        async with sockets.one_more(f"id of {token}", token):
            await asyncio.Event().wait()
    except TokenEnded:
        return "ended"
    raise AssertionError("it ended by itself")


async def opened(sockets: OpenSockets, token: str) -> asyncio.Task[str]:
    task = asyncio.create_task(hold(sockets, token))
    await asyncio.sleep(0)
    return task


async def test_a_token_may_have_so_many_open_and_no_more() -> None:
    sockets = OpenSockets(2, ManualClock(), Tokens().is_good)
    async with sockets.one_more("a", "one"), sockets.one_more("a", "one"):
        with pytest.raises(Refusal) as refused:
            async with sockets.one_more("a", "one"):
                raise AssertionError("a third one was let in")
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "30"})
        async with sockets.one_more("b", "two"):
            assert (sockets.count("a"), sockets.count("b")) == (2, 1)
    assert (sockets.count("a"), sockets.count("b")) == (0, 0)


async def test_the_sockets_of_a_revoked_token_end_and_others_stay() -> None:
    clock, tokens = ManualClock(), Tokens()
    sockets = OpenSockets(5, clock, tokens.is_good)
    first, second, other = [await opened(sockets, token) for token in ("one", "one", "two")]
    tokens.good.discard("one")
    await clock.advance(RECHECK_SECONDS)
    assert (await first, await second) == ("ended", "ended")
    assert not other.done() and sockets.count("id of two") == 1
    tokens.good.clear()
    await clock.advance(RECHECK_SECONDS)
    assert await other == "ended"


async def test_a_store_that_is_away_ends_nobody_s_socket_and_the_next_look_comes() -> None:
    clock, tokens = ManualClock(), Tokens()
    sockets = OpenSockets(5, clock, tokens.is_good)
    task = await opened(sockets, "one")
    tokens.broken = True
    await clock.advance(RECHECK_SECONDS)
    assert not task.done()
    tokens.broken, tokens.good = False, set()
    await clock.advance(RECHECK_SECONDS)
    assert await task == "ended"


async def test_a_timeout_of_what_the_socket_does_is_its_own() -> None:
    sockets = OpenSockets(5, ManualClock(), Tokens().is_good)
    with pytest.raises(TimeoutError):
        async with sockets.one_more("a", "one"), asyncio.timeout(0.001):
            await asyncio.Event().wait()
    assert sockets.count("a") == 0
