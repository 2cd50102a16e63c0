"""One stream per artist: in order, resumable, over a WebSocket or by long poll."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.service.house import House, accepted
from tests.support.asgi import Caller, Denied, Stream
from wake_service.api.events import TRY_AGAIN_LATER
from wake_service.jobs import events
from wake_service.jobs.hub import MAX_WAITING
from wake_service.machines.model import MachineState


async def numbered(stream: Stream, count: int) -> list[dict[str, Any]]:
    """The next so many durable events."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        envelope = await stream.next()
        if envelope["seq"] is not None:
            found.append(envelope)
    return found


async def poll(who: Caller, query: str = "") -> dict[str, Any]:
    answer = await who.ask("GET", f"/v1/events?{query}")
    assert answer.status == 200, answer.body
    read: dict[str, Any] = answer.json
    return read


async def test_the_first_frame_is_a_snapshot_of_everything(house: House) -> None:
    job = await accepted(house.mira)
    await accepted(house.noor)
    stream = await house.stream()
    snapshot = await stream.next()
    data = snapshot["data"]
    assert (snapshot["type"], snapshot["seq"], data["seq"]) == ("snapshot", 1, 1)
    assert [each["id"] for each in data["jobs"]] == [job["id"]]
    assert [machine["id"] for machine in data["machines"]] == ["m1"]
    assert data["me"]["artist"]["name"] == "artist"
    await stream.close()


async def test_what_happens_follows_in_order_and_concerns_nobody_else(house: House) -> None:
    mine, hers = await house.stream(), await house.stream(who=house.noor)
    opening = [await numbered(stream, 1) for stream in (mine, hers)]
    assert [(event["type"], event["seq"]) for (event,) in opening] == [("snapshot", 0)] * 2
    ids = [(await accepted(house.mira))["id"] for _ in range(3)]
    await house.mira.ask("DELETE", f"/v1/jobs/{ids[0]}")
    told = await numbered(mine, 4)
    assert [event["seq"] for event in told] == [1, 2, 3, 4]
    assert [(event["type"], event["job"]) for event in told] == [
        *(("job.queued", job_id) for job_id in ids),
        ("job.cancelled", ids[0]),
    ]
    assert told[-1]["data"]["job"]["state"] == "cancelled"
    await accepted(house.noor)
    assert [event["seq"] for event in await numbered(hers, 1)] == [1]
    for stream in (mine, hers):
        await stream.close()


async def test_resuming_misses_nothing_and_repeats_nothing(house: House) -> None:
    first = await house.stream()
    await first.next()
    await accepted(house.mira)
    event = (await numbered(first, 1))[0]
    await first.close()
    ids = [(await accepted(house.mira))["id"] for _ in range(3)]
    second = await house.stream(f"/v1/events?after={event['seq']}&stream={event['stream']}")
    assert [each["job"] for each in await numbered(second, 3)] == ids
    present = await second.until_type("machine.changed")
    assert present["data"]["machine"]["state"] and present["seq"] is None
    latest = await accepted(house.mira)
    assert [(each["seq"], each["job"]) for each in await numbered(second, 1)] == [(5, latest["id"])]
    await second.close()


async def test_nothing_is_missed_while_a_stream_opens(house: House) -> None:
    """Jobs are accepted all the time; whoever resumes in between sees each number once."""
    stream_id = (await poll(house.mira))["stream"]

    async def keep_asking() -> None:
        for _ in range(40):
            await accepted(house.mira)

    asking = asyncio.create_task(keep_asking())
    streams = []
    for _ in range(5):
        await asyncio.sleep(0.01)
        streams.append(await house.stream(f"/v1/events?after=0&stream={stream_id}"))
    await asking
    for stream in streams:
        assert [event["seq"] for event in await numbered(stream, 40)] == list(range(1, 41))
        await stream.close()


@pytest.mark.parametrize("position", ["", "after=1", "after=0&stream=unknown", "stream=unknown", "after=99&stream={stream}"])
async def test_a_position_that_means_nothing_here_gets_a_snapshot(house: House, position: str) -> None:
    await accepted(house.mira)
    query = position.format(stream=(await poll(house.mira))["stream"])
    stream = await house.stream(f"/v1/events?{query}")
    assert (await stream.next())["type"] == "snapshot"
    assert [event["type"] for event in (await poll(house.mira, query))["events"]] == ["snapshot"]
    await stream.close()


async def test_a_position_before_what_is_kept_gets_a_snapshot(house: House) -> None:
    await accepted(house.mira)
    stream_id = (await poll(house.mira))["stream"]
    await house.service.store.write(lambda tx: events.forget(tx, house.clock.now() + 1))
    await accepted(house.mira)
    assert [event["type"] for event in (await poll(house.mira, f"after=0&stream={stream_id}"))["events"]] == ["snapshot"]
    assert [event["seq"] for event in (await poll(house.mira, f"after=1&stream={stream_id}"))["events"]] == [2]


async def test_a_long_absence_gets_a_snapshot_rather_than_a_gap(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "REPLAYED_AT_MOST", 3)
    for _ in range(5):
        await accepted(house.mira)
    stream_id = (await poll(house.mira))["stream"]
    assert [event["type"] for event in (await poll(house.mira, f"after=1&stream={stream_id}"))["events"]] == ["snapshot"]
    assert [event["seq"] for event in (await poll(house.mira, f"after=2&stream={stream_id}"))["events"]] == [3, 4, 5]


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "²", "9" * 30])
async def test_a_position_that_is_no_number_is_refused(house: House, after: str) -> None:
    with pytest.raises(Denied) as denied:
        await house.stream(f"/v1/events?after={after}")
    assert (denied.value.answer.status, denied.value.answer.code) == (422, "invalid_request")


async def test_a_reader_too_slow_for_what_is_durable_is_sent_away_and_resumes(house: House) -> None:
    stream = await house.stream()
    snapshot = await stream.next()
    stream.hold_back(True)
    await asyncio.gather(*(accepted(house.mira) for _ in range(MAX_WAITING + 50)))
    stream.hold_back(False)
    assert await stream.until_closed() == TRY_AGAIN_LATER
    got = [event["seq"] for event in stream.seen if event["seq"]]
    assert got == list(range(1, len(got) + 1))
    await stream.close()
    rest = await poll(house.mira, f"after={got[-1]}&stream={snapshot['stream']}")
    assert [event["seq"] for event in rest["events"]] == list(range(got[-1] + 1, MAX_WAITING + 51))


# -- long poll ------------------------------------------------------------------------------------------------------


async def test_a_poll_answers_at_once_when_there_is_something(house: House) -> None:
    job = await accepted(house.mira)
    stream_id = (await poll(house.mira))["stream"]
    told = await poll(house.mira, f"after=0&stream={stream_id}&wait=25")
    assert [event["job"] for event in told["events"]] == [job["id"]]
    assert (told["seq"], [machine["id"] for machine in told["machines"]], told["progress"]) == (1, ["m1"], [])


async def test_a_poll_waits_for_the_next_event(house: House) -> None:
    stream_id = (await poll(house.mira))["stream"]
    waiting = asyncio.create_task(poll(house.mira, f"after=0&stream={stream_id}&wait=25"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    job = await accepted(house.mira)
    told = await asyncio.wait_for(waiting, 5)
    assert [event["job"] for event in told["events"]] == [job["id"]]


async def test_a_poll_answers_when_a_machine_changes(house: House) -> None:
    stream_id = (await poll(house.mira))["stream"]
    waiting = asyncio.create_task(poll(house.mira, f"after=0&stream={stream_id}&wait=25"))
    await asyncio.sleep(0.05)
    await house.mira.ask("POST", "/v1/wake")
    told = await asyncio.wait_for(waiting, 5)
    assert (told["events"], told["machines"][0]["state"]) == ([], MachineState.WAKING)


async def test_a_poll_ends_when_nothing_happens(house: House) -> None:
    stream_id = (await poll(house.mira))["stream"]
    assert (await poll(house.mira, f"after=0&stream={stream_id}&wait=0.05"))["events"] == []


@pytest.mark.parametrize("query", ["wait=31", "wait=-1", "wait=x", "after=-1", "after=x"])
async def test_a_strange_poll_is_refused(house: House, query: str) -> None:
    answer = await house.mira.ask("GET", f"/v1/events?{query}")
    assert (answer.status, answer.code) == (422, "invalid_request")
