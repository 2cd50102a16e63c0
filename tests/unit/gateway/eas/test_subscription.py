"""What one subscriber has in its hands, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from wake_service.clock import ManualClock, settle
from wake_service.gateway.eas import subscription
from wake_service.gateway.eas.subscription import Hands
from wake_service.workflows.delivery import DeliveryId, Task


@pytest.fixture
def waiting() -> Iterator[list[asyncio.Task[int]]]:
    """Looks for room; none outlives its test."""
    started: list[asyncio.Task[int]] = []
    yield started
    for each in started:
        each.cancel()


def out(name: str, until: float) -> Task:
    return Task(name, name, 1, finished_at=1.0, deliveries=1, redeliver_at=until)


async def test_there_is_room_for_a_window_full() -> None:
    clock = ManualClock()
    hands = Hands(3, clock)
    hands.hold(out("a", clock.now() + 60))
    assert await hands.room() == 2


async def test_an_acknowledgement_makes_room_at_once(waiting: list[asyncio.Task[int]]) -> None:
    clock = ManualClock()
    hands = Hands(1, clock)
    hands.hold(out("a", clock.now() + 60))
    waiting.append(asyncio.create_task(hands.room()))
    await settle()
    assert not waiting[0].done()
    hands.let_go(DeliveryId("a", 1))
    assert await waiting[0] == 1


async def test_what_took_too_long_makes_room_in_time(waiting: list[asyncio.Task[int]]) -> None:
    clock = ManualClock()
    hands = Hands(2, clock)
    hands.hold(out("a", clock.now() + 60))
    hands.hold(out("b", clock.now() + 90))
    waiting.append(asyncio.create_task(hands.room()))
    await clock.advance(59)
    assert not waiting[0].done()
    await clock.advance(2)
    assert waiting[0].done() and await waiting[0] == 1
    assert hands.all() == [DeliveryId("b", 1)]


async def test_letting_go_of_what_is_not_held_is_fine() -> None:
    hands = Hands(1, ManualClock())
    hands.let_go(DeliveryId("a", 1))
    assert await hands.room() == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"type": "ack", "delivery_id": "a.1"}', ["a.1"]),
        ('{"type": "ack", "delivery_ids": ["a.1", "b.2"]}', ["a.1", "b.2"]),
        ('{"type": "ack", "delivery_ids": []}', []),
        ('{"type": "ack", "delivery_ids": [1]}', None),
        ('{"type": "ack"}', None),
        ('"ack"', None),
        ("not JSON", None),
        (None, None),
        ('{"type": "ack", "delivery_ids": [' + ",".join(['"a.1"'] * (subscription.MOST_ACKNOWLEDGED + 1)) + "]}", None),
        ('{"type": "ack", "delivery_id": "' + "a" * subscription.LONGEST_MESSAGE + '"}', None),
    ],
)
def test_an_acknowledgement_is_told_from_everything_else(text: str | None, meant: list[str] | None) -> None:
    assert subscription._acknowledged(text) == meant
