"""A body, as long and as quick as it may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import Headers

from wake_service.gateway.intake import Intake, check_announced
from wake_service.gateway.refusals import Refusal


def body(*pieces: bytes, seconds: float = 0.0, ends: bool = True) -> Any:
    """What gives these pieces, one after the other; after the last one nothing comes, if it does not end."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        if not left:
            await asyncio.Event().wait()
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not ends}

    return receive


async def read(intake: Intake) -> bytes:
    got = b""
    while True:
        message = await intake.receive()
        got += message["body"]
        if not message["more_body"]:
            return got


async def test_a_body_comes_as_it_is() -> None:
    assert await read(Intake(body(b"ab", b"cd"), 4)) == b"abcd"


async def test_a_body_in_pieces_is_refused_as_soon_as_it_is_too_large() -> None:
    intake = Intake(body(b"abc", b"de", b"never read"), 4)
    with pytest.raises(Refusal) as refused:
        await read(intake)
    assert (refused.value.status, refused.value.body) == (413, "Maximum request body size 4 exceeded, actual body size 5")
    assert intake.refusal is refused.value


@pytest.mark.parametrize("announced", ["5", "99999999999999999999999"])
def test_a_body_that_says_it_is_too_large_is_refused_unread(announced: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_announced(Headers({"content-length": announced}), 4)
    assert refused.value.status == 413


@pytest.mark.parametrize("announced", ["4", "0", "", "-5", "many", "٥"])
def test_a_body_that_says_it_is_small_enough_or_nothing_is_read(announced: str) -> None:
    check_announced(Headers(raw=[(b"content-length", announced.encode())]), 4)


async def test_a_body_that_stops_coming_is_given_up() -> None:
    intake = Intake(body(b"abc", ends=False), 100, quiet_seconds=0.05)
    with pytest.raises(Refusal) as refused:
        await read(intake)
    assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})
    assert "3 bytes" in str(refused.value.body)


async def test_a_body_that_trickles_is_given_up_though_it_never_stops() -> None:
    trickle = [b"a"] * 100
    intake = Intake(body(*trickle, seconds=0.01), 1000, quiet_seconds=0.1, slowest=1000.0)
    with pytest.raises(Refusal) as refused:
        await read(intake)
    assert refused.value.status == 408


async def test_a_slow_body_that_is_quick_enough_is_waited_for() -> None:
    slow = [b"a" * 100] * 12
    intake = Intake(body(*slow, seconds=0.02), 5000, quiet_seconds=0.2, slowest=1000.0)
    assert len(await read(intake)) == 1200


async def test_after_the_body_only_the_client_s_going_is_waited_for_and_that_for_ever() -> None:
    intake = Intake(body(b"a"), 100, quiet_seconds=0.01)
    await read(intake)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await intake.receive()
    assert intake.refusal is None
