"""One whole day of a studio, lived in simulated time: all is painted, little is paid for, and nothing runs in the end.

A day of 24 hours takes this about half a minute. WAKEBRUSH_TRACE puts a real trace in its place (soak.py); what a made-up studio
is held to beyond that, it alone is.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.aws.cloud import Times
from tests.aws.soak import Day, Pool, live, requests_of, show
from wake_service.machines.ledger import Kind
from wake_service.providers.ec2.options import Deadlines

#: What the workshop's machines cost an hour, in millionths.
PRICE = 1_006_000
#: A real trace may be of more artists than a small studio has.
POOL = Pool(machines=4, maximum=3) if "WAKEBRUSH_TRACE" in os.environ else Pool()


@pytest.mark.timeout(300)
async def test_a_day_of_the_studio(capsys: pytest.CaptureFixture[str]) -> None:
    began, requests = time.monotonic(), requests_of(os.environ)
    day = await live(requests, POOL)
    with capsys.disabled():
        print()
        show(day, time.monotonic() - began)

    assert [(p.artist, p.work) for p in day.pictures] == [(request.artist, request.work) for request in requests]
    every_picture_was_painted_once(day)
    the_ledger_says_what_the_cloud_says(day)
    assert 0 < day.at_once <= POOL.maximum, "counted by the cloud"
    assert day.left == [] and day.findings == [], "the reaper found nothing to do"
    assert day.hours_ratio <= 0.4
    if "WAKEBRUSH_TRACE" not in os.environ:
        nobody_waited_for_more_than_a_wake_and_a_short_queue(day)


def every_picture_was_painted_once(day: Day) -> None:
    assert all(picture.done_at is not None and len(picture.machines) == 1 for picture in day.pictures)
    assert day.losses == []
    assert day.booked(Kind.WORK) == pytest.approx(sum(picture.work for picture in day.pictures), abs=0.01)


def the_ledger_says_what_the_cloud_says(day: Day) -> None:
    """Beyond what ran, each wake is charged with the stop: until it has stopped, and the next look at AWS's list has shown it."""
    wakes = {interval.wake_id: interval.machine_id for interval in day.intervals}
    assert sorted(wakes.values()) == sorted(run.machine_id for run in day.runs)
    ran, stop, look = sum(run.to_at - run.from_at for run in day.runs), Times().stopping, Deadlines().follow
    beyond = day.machine_seconds - ran
    assert len(wakes) * stop <= beyond <= len(wakes) * (stop + look)
    assert day.shared == 0, "what a wake's end gives to some, it takes from others"
    assert day.cost == pytest.approx(day.machine_seconds * PRICE / 3600, abs=len(day.intervals))


def nobody_waited_for_more_than_a_wake_and_a_short_queue(day: Day) -> None:
    waits = sorted(day.waits)
    assert waits[len(waits) // 2] == 0.0, "most pictures find a machine awake that has nothing to do"
    assert day.late < 0.25
    assert waits[-1] < Times().wake + 4 * max(picture.work for picture in day.pictures)
