"""One ordered stream per artist, that can be taken up where it was left."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.jobs.studio import Studio
from wake_service.jobs import events
from wake_service.jobs.events import Event, EventType, envelope
from wake_service.store.store import Transaction


async def append(studio: Studio, *numbers: int, at: float = 1.0, fail: bool = False) -> None:
    def work(tx: Transaction) -> None:
        new = [Event(EventType.JOB_QUEUED, at, json.dumps({"n": n}).encode(), f"job-{n}") for n in numbers]
        studio.log.append(tx, studio.mira.artist_id, new)
        if fail:
            raise ValueError("no")

    await studio.store.write(work)


async def seqs(studio: Studio, after: int = 0) -> list[int | None]:
    return [frame.seq for frame in await studio.told(after=after)]


async def test_numbers_follow_each_other_whoever_writes(studio: Studio) -> None:
    await asyncio.gather(*(append(studio, n, n + 1) for n in range(0, 60, 2)))
    assert await seqs(studio) == list(range(1, 61))


async def test_what_is_heard_is_what_is_kept(studio: Studio) -> None:
    subscription = studio.listen()
    await append(studio, 1, 2)
    await append(studio, 3)
    heard = [await subscription.get() for _ in range(3)]
    assert heard == await studio.told()
    assert [json.loads(frame.body)["data"]["n"] for frame in heard] == [1, 2, 3]


async def test_each_artist_counts_for_herself(studio: Studio) -> None:
    await append(studio, 1, 2)
    assert await studio.told(studio.noor) == []
    assert json.loads((await studio.told())[0].body)["stream"] != ""


async def test_what_is_not_kept_is_not_heard_and_leaves_no_gap(studio: Studio) -> None:
    subscription = studio.listen()
    with pytest.raises(ValueError, match="no"):
        await append(studio, 1, fail=True)
    await append(studio, 2)
    assert (await subscription.get()).seq == 1
    assert (len(subscription), await seqs(studio)) == (0, [1])


async def test_resuming_gives_exactly_what_came_after(studio: Studio) -> None:
    await append(studio, *range(1, 11))
    for position in (0, 1, 9, 10):
        assert await seqs(studio, after=position) == list(range(position + 1, 11))


async def test_what_is_forgotten_is_known_to_be_forgotten(studio: Studio) -> None:
    await append(studio, 1, 2, at=100.0)
    await append(studio, 3, at=200.0)
    gone = await studio.store.write(lambda tx: events.forget(tx, 150.0))
    position = await studio.store.read(lambda conn: events.position(conn, studio.mira.artist_id))
    assert (gone, position.forgotten, position.seq, await seqs(studio)) == (2, 2, 3, [3])


async def test_numbers_go_on_after_everything_was_forgotten(studio: Studio) -> None:
    await append(studio, 1, 2, at=100.0)
    await studio.store.write(lambda tx: events.forget(tx, 150.0))
    await append(studio, 3, at=200.0)
    assert await seqs(studio) == [3]


@given(st.dictionaries(st.text(), st.none() | st.integers(-(2**53), 2**53) | st.text()), st.none() | st.text())
def test_an_envelope_is_json_whatever_it_carries(data: dict[str, object], job_id: str | None) -> None:
    packed = json.dumps(data).encode()
    read = json.loads(envelope("s", 7, Event(EventType.JOB_STAGE, 1_800_000_000.123, packed, job_id)))
    assert read == {
        "stream": "s",
        "seq": 7,
        "type": "job.stage",
        "at": "2027-01-15T08:00:00.123Z",
        "job": job_id,
        "machine": None,
        "data": data,
    }


async def test_a_preview_is_a_binary_frame_with_a_header_that_says_how_long_it_is(studio: Studio) -> None:
    subscription = studio.listen()
    studio.log.preview(studio.mira.artist_id, {"job": "j", "picture": 0, "media_type": "image/jpeg"}, b"\xff\xd8picture")
    frame = await subscription.get()
    (length,) = struct.unpack(">I", frame.body[:4])
    assert json.loads(frame.body[4 : 4 + length]) == {"job": "j", "picture": 0, "media_type": "image/jpeg"}
    assert (frame.body[4 + length :], frame.binary, frame.seq) == (b"\xff\xd8picture", True, None)
