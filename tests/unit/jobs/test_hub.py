"""A slow reader loses what is only of the moment, and never a durable event that it is not told to fetch again."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from wake_service.jobs.hub import MAX_WAITING, Frame, Hub, Subscription


def durable(seq: int) -> Frame:
    return Frame(b"d", seq)


PREVIEW, PROGRESS = Frame(b"\0", binary=True), Frame(b"p")


def drained(subscription: Subscription) -> list[Frame]:
    return [subscription._frames.popleft() for _ in range(len(subscription))]


def test_each_artist_hears_her_own_and_what_is_for_all() -> None:
    hub = Hub()
    mira, noor = hub.subscribe("mira"), hub.subscribe("noor")
    hub.publish("mira", durable(1))
    hub.broadcast(PROGRESS)
    assert (drained(mira), drained(noor)) == ([durable(1), PROGRESS], [PROGRESS])


def test_two_windows_of_one_artist_hear_the_same() -> None:
    hub = Hub()
    windows = [hub.subscribe("mira") for _ in range(2)]
    hub.publish("mira", durable(1))
    assert [drained(window) for window in windows] == [[durable(1)], [durable(1)]]


def test_who_left_hears_nothing_and_leaves_nothing_behind() -> None:
    hub = Hub()
    gone = hub.subscribe("mira")
    hub.unsubscribe("mira", gone)
    hub.publish("mira", durable(1))
    assert (len(gone), hub.listening()) == (0, [])


@given(st.lists(st.sampled_from(["durable", "preview", "progress"]), max_size=60), st.integers(0, 1010))
def test_durable_frames_are_kept_in_order_until_the_reader_is_told(kinds: list[str], waiting: int) -> None:
    subscription, sent = Subscription(), 0
    for n in range(waiting):
        subscription.put(PREVIEW if n % 2 else PROGRESS)
    for kind in kinds:
        if kind == "durable":
            sent += 1
            subscription.put(durable(sent))
        else:
            subscription.put(PREVIEW if kind == "preview" else PROGRESS)
    kept = [frame.seq for frame in drained(subscription) if frame.seq is not None]
    assert not subscription.overrun
    assert kept == list(range(1, sent + 1))


def test_what_is_of_the_moment_is_lost_first() -> None:
    subscription = Subscription()
    for _ in range(MAX_WAITING):
        subscription.put(PREVIEW)
    subscription.put(durable(1))
    subscription.put(PROGRESS)
    assert drained(subscription) == [durable(1), PROGRESS]


def test_a_reader_too_slow_for_what_is_durable_gets_an_unbroken_beginning_and_is_told() -> None:
    subscription = Subscription()
    for seq in range(1, 3 * MAX_WAITING):
        subscription.put(durable(seq))
    assert subscription.overrun
    got = [frame.seq for frame in drained(subscription)]
    assert got == list(range(1, len(got) + 1))
    assert len(got) >= MAX_WAITING


async def test_a_reader_gets_what_comes_while_it_waits() -> None:
    subscription = Subscription()
    waiting = asyncio.create_task(subscription.get())
    await asyncio.sleep(0)
    subscription.put(durable(1))
    assert await asyncio.wait_for(waiting, 5) == durable(1)
