"""Accepted means durable, and the same key means the same job."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import event, text

from tests.unit.jobs.studio import IMAGE, MASK, OTHER_SIZE, Studio, request
from wake_service.comfy.request import Mode
from wake_service.errors import RequestError, StorageFull
from wake_service.jobs import records
from wake_service.jobs.model import Job, Region, WaitingFor
from wake_service.jobs.submissions import PIN_SECONDS, new_id
from wake_service.store.store import Transaction


async def stored(studio: Studio) -> list[Job]:
    return await studio.store.read(records.load_unfinished)


async def refused(studio: Studio, **arguments: object) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await studio.submit(**arguments)  # type: ignore[arg-type]
    return caught.value


async def test_an_accepted_job_is_on_the_disk_on_the_board_and_told(studio: Studio) -> None:
    subscription = studio.listen()
    job = await studio.submit(prompt="a storm", seed=2**64 - 1, count=3, region=Region(-5, 0, 100, 50), reference="ref")
    assert await stored(studio) == [job]
    assert studio.book.board.get(job.id) is job
    assert studio.changed == [job]
    told = json.loads((await subscription.get()).body)
    assert (told["type"], told["job"], told["data"]["job"]["seed"]) == ("job.queued", job.id, 2**64 - 1)
    assert told["data"]["job"]["waiting_for"] == WaitingFor.MACHINE_WAKING


async def test_jobs_have_their_places_in_the_order_of_arrival(studio: Studio) -> None:
    jobs = await asyncio.gather(*(studio.submit() for _ in range(20)))
    assert [job.place for job in jobs] == sorted(job.place for job in jobs)
    assert list(studio.book.board.waiting("default")) == jobs
    await studio.book.load()
    assert (await studio.submit()).place > jobs[-1].place


async def test_the_same_key_with_the_same_body_is_the_same_job(studio: Studio) -> None:
    first = await studio.submit(key="k")
    assert await studio.submit(key="k") == first
    assert await stored(studio) == [first]
    assert len(await studio.told()) == 1


async def test_many_at_once_with_the_same_key_make_one_job(studio: Studio) -> None:
    jobs = await asyncio.gather(*(studio.submit(key="k") for _ in range(50)))
    assert {job.id for job in jobs} == {jobs[0].id}
    assert len(await stored(studio)) == 1
    assert len(await studio.told()) == 1


async def test_a_key_is_remembered_after_the_job_has_changed(studio: Studio) -> None:
    first = await studio.submit(key="k")
    await studio.store.write(lambda tx: tx.conn.execute(text("UPDATE jobs SET state = 'succeeded'")))
    assert (await studio.submit(key="k")).id == first.id


async def test_the_same_key_with_another_body_is_refused(studio: Studio) -> None:
    await studio.submit(key="k")
    error = await refused(studio, key="k", prompt="another")
    assert (error.status, error.code) == (409, "idempotency_conflict")
    assert len(await stored(studio)) == 1


async def test_two_with_one_key_and_different_bodies_at_once_are_told_apart(studio: Studio) -> None:
    first, second = await asyncio.gather(
        studio.submit(key="k", prompt="one"), studio.submit(key="k", prompt="two"), return_exceptions=True
    )
    assert isinstance(first, Job)
    assert isinstance(second, RequestError) and second.code == "idempotency_conflict"


async def test_two_artists_may_use_the_same_key(studio: Studio) -> None:
    hers, his = await studio.submit(studio.mira, key="k"), await studio.submit(studio.noor, key="k")
    assert hers.id != his.id


async def test_without_a_key_the_same_request_is_another_job(studio: Studio) -> None:
    assert (await studio.submit()).id != (await studio.submit()).id


async def test_a_picture_that_this_artist_did_not_upload_is_missing(studio: Studio) -> None:
    await studio.upload(studio.noor, IMAGE)
    error = await refused(studio, mode=Mode.IMAGE_TO_IMAGE, image=IMAGE)
    assert (error.status, error.code, error.extra["missing"]) == (409, "blob_missing", [IMAGE])
    assert "again" in error.hint


async def test_everything_that_is_missing_is_named_at_once(studio: Studio) -> None:
    error = await refused(studio, mode=Mode.INPAINT, image=IMAGE, mask=MASK)
    assert error.extra["missing"] == [IMAGE, MASK]


async def test_image_and_mask_have_the_same_size(studio: Studio) -> None:
    await studio.upload(studio.mira, IMAGE)
    await studio.upload(studio.mira, OTHER_SIZE, width=256)
    error = await refused(studio, mode=Mode.INPAINT, image=IMAGE, mask=OTHER_SIZE)
    assert (error.status, error.code) == (422, "mask_size_mismatch")


async def test_what_a_job_uses_is_pinned_with_it(studio: Studio) -> None:
    await studio.upload(studio.mira, IMAGE)
    await studio.upload(studio.noor, IMAGE)
    await studio.submit(mode=Mode.IMAGE_TO_IMAGE, image=IMAGE)
    assert await studio.pinned_until(studio.mira, IMAGE) == studio.clock.now() + PIN_SECONDS
    assert await studio.pinned_until(studio.noor, IMAGE) == 1.0


async def test_bad_requests_harm_nobody_in_the_same_transaction(studio: Studio) -> None:
    asked = [{"key": f"k{n % 5}", "prompt": f"{n % 10}"} for n in range(30)] + [{"image": IMAGE}] * 10
    outcomes = await asyncio.gather(*(studio.submit(**each) for each in asked), return_exceptions=True)
    accepted = {outcome.id for outcome in outcomes if isinstance(outcome, Job)}
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, RequestError)]
    assert (len(accepted), sorted(set(codes))) == (5, ["blob_missing", "idempotency_conflict"])
    assert (codes.count("blob_missing"), codes.count("idempotency_conflict")) == (10, 15)
    assert {job.id for job in await stored(studio)} == accepted
    assert [frame.seq for frame in await studio.told()] == [1, 2, 3, 4, 5]


async def test_many_that_come_together_share_few_transactions(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    write = studio.store.write

    async def counted(work: object) -> object:
        nonlocal written
        written += 1
        return await write(work)  # type: ignore[arg-type]

    monkeypatch.setattr(studio.store, "write", counted)
    await asyncio.gather(*(studio.submit() for _ in range(300)))
    assert written <= 5
    assert len(await stored(studio)) == 300


async def test_what_could_not_be_stored_was_not_accepted_and_the_next_is(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_work: object) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(studio.store, "write", full)
        outcomes = await asyncio.gather(*(studio.submit() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, StorageFull) for outcome in outcomes)
    assert (len(studio.book.board), await stored(studio)) == (0, [])
    assert await studio.submit() == (await stored(studio))[0]


async def test_who_went_away_while_waiting_has_a_job_all_the_same(studio: Studio) -> None:
    """The connection broke before the answer: asking again with the same key finds it."""
    going = asyncio.create_task(studio.submit(key="k"))
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    job = await studio.submit(key="k")
    assert await stored(studio) == [job]


async def test_looking_for_a_key_does_not_read_all_jobs(studio: Studio) -> None:
    """It is done for every submission, beside thousands of older jobs."""
    asked: list[tuple[str, object]] = []
    event.listen(
        studio.store.engine,
        "before_cursor_execute",
        lambda _c, _cur, sql, parameters, _ctx, _many: asked.append((sql, parameters)),
    )
    await studio.submit(key="k")
    sql, parameters = next(found for found in asked if "idempotency_key IN" in found[0])

    def explain(tx: Transaction) -> str:
        return str(tx.conn.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, parameters).all())

    assert "SCAN jobs" not in await studio.store.write(explain)


def test_the_request_survives_the_way_to_the_disk() -> None:
    row = records.new_row(Job(1, "j", "a", "t", "default", request(region=Region(1, 2, 3, 4)), 0.0), "k", "h")
    assert json.loads(row["request"])["region"] == {"x": 1, "y": 2, "width": 3, "height": 4}


async def test_ids_and_keys_that_were_made_up_just_now_are_not_looked_for_and_hold_from_then_on(studio: Studio) -> None:
    asked: list[str] = []
    event.listen(studio.store.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    name, submit = new_id(), studio.submissions.submit
    job = await submit(studio.mira, "default", request(), name, "hash", job_id=name, minted=True)
    assert not [statement for statement in asked if "FROM jobs" in statement]
    assert await submit(studio.mira, "default", request(), name, "hash", job_id=name) == job
