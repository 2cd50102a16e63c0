"""What one socket is sent."""

from __future__ import annotations

import asyncio

import pytest

from cloud_image.agent.hub import MOST_REPLIES, Listener, SocketSlow


async def test_of_the_reports_a_slow_socket_gets_the_newest_only() -> None:
    listener = Listener()
    for number in range(300):
        listener.report(f"report {number}")
    assert await listener.next() == "report 299"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await listener.next()


async def test_replies_come_all_in_order_and_before_the_report_that_shows_their_effect() -> None:
    listener = Listener()
    listener.reply("one")
    listener.report("the effect")
    listener.reply("two")
    assert [await listener.next() for _ in range(3)] == ["one", "two", "the effect"]


async def test_what_comes_while_a_socket_waits_is_sent_at_once() -> None:
    listener = Listener()
    waiting = asyncio.ensure_future(listener.next())
    await asyncio.sleep(0)
    listener.report("news")
    async with asyncio.timeout(5):
        assert await waiting == "news"


def test_a_socket_that_takes_no_replies_is_given_up() -> None:
    listener = Listener()
    for number in range(MOST_REPLIES):
        listener.reply(str(number))
    with pytest.raises(SocketSlow):
        listener.reply("one too many")
