"""Every change of a job is decided on what it was, written with what is told of it, and never half."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.jobs.studio import Studio, job, request
from wake_service.jobs import records
from wake_service.jobs.book import CLAIM_SECONDS
from wake_service.jobs.events import EventType
from wake_service.jobs.model import (
    MAX_ATTEMPTS,
    Job,
    JobState,
    Result,
    WaitingFor,
    cancelled,
    claimed,
    lost,
    released,
    running,
    with_result,
)
from wake_service.store.store import Transaction


async def test_of_two_changes_decided_on_the_same_job_one_wins(studio: Studio) -> None:
    before = await studio.submit()
    stop = studio.book.change(before, cancelled(before, 5.0), [EventType.JOB_CANCELLED])
    claim = studio.book.change(before, claimed(before, "m1", studio.book.new_claim()), [EventType.JOB_WAITING])
    outcomes = await asyncio.gather(stop, claim)
    assert [outcome is not None for outcome in outcomes] == [True, False]
    assert (await studio.book.find(before.id)) == outcomes[0]
    assert [json.loads(frame.body)["type"] for frame in await studio.told()] == ["job.queued", "job.cancelled"]


async def test_what_is_on_the_board_is_what_is_on_the_disk(studio: Studio) -> None:
    one = await studio.submit(count=2)
    two = await studio.submit()
    one = await studio.book.change(one, claimed(one, "m1", studio.book.new_claim()), []) or one
    one = await studio.book.change(one, running(one, 7.0), [EventType.JOB_RUNNING]) or one
    await studio.book.change(two, cancelled(two, 8.0), [EventType.JOB_CANCELLED])
    assert await studio.store.read(records.load_unfinished) == list(studio.book.board) == [one]
    await studio.book.load()
    assert list(studio.book.board) == [one]


async def test_a_change_and_what_is_told_of_it_are_written_together_or_not_at_all(studio: Studio) -> None:
    before = await studio.submit()

    def broken(_tx: Transaction) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await studio.book.change(before, cancelled(before, 5.0), [EventType.JOB_CANCELLED], also=broken)
    assert await studio.store.read(records.load_unfinished) == [before]
    assert studio.book.board.get(before.id) == before
    assert len(await studio.told()) == 1


async def test_a_finished_job_is_still_found(studio: Studio) -> None:
    before = await studio.submit()
    after = await studio.book.change(before, cancelled(before, 5.0), [EventType.JOB_CANCELLED])
    assert studio.book.board.get(before.id) is None
    assert await studio.book.find(before.id) == after
    assert await studio.book.find("unknown") is None


async def test_what_was_sent_is_forgotten_when_the_job_leaves_its_machine(studio: Studio) -> None:
    before = await studio.submit()
    sent = {"prompt_id": "p", "job_id": before.id, "picture": 0, "machine_id": "m1", "boot": "b1", "created_at": 0.0}
    held = claimed(before, "m1", studio.book.new_claim())
    held = await studio.book.change(before, held, [], also=lambda tx: records.add_prompts(tx, [sent])) or before
    assert len(await studio.store.read(lambda conn: records.prompts_of(conn, "m1"))) == 1
    await studio.book.change(held, released(held, WaitingFor.NO_MACHINE), [EventType.JOB_REQUEUED])
    assert await studio.store.read(lambda conn: records.prompts_of(conn, "m1")) == []


async def test_claims_are_renewed_for_what_this_service_holds(studio: Studio) -> None:
    before = await studio.submit()
    await studio.book.change(before, claimed(before, "m1", studio.book.new_claim()), [])
    await studio.clock.advance(60)
    await studio.book.renew_claims()
    (kept,) = await studio.store.read(records.load_unfinished)
    assert kept.claim is not None and kept.claim.expires_at == studio.clock.now() + CLAIM_SECONDS


async def test_what_jobs_wait_for_is_told_only_where_it_changed(studio: Studio) -> None:
    for _ in range(3):
        await studio.submit()
    studio.reason = WaitingFor.BUDGET
    await studio.submit()
    await studio.book.say_waiting("default", lambda _job: WaitingFor.BUDGET)
    told = [json.loads(frame.body) for frame in await studio.told()]
    assert [event["type"] for event in told[4:]] == ["job.waiting"] * 3
    assert {each.waiting_for for each in studio.book.board} == {WaitingFor.BUDGET}


async def test_all_that_is_unfinished_is_recent_however_much_came_after(studio: Studio) -> None:
    """A snapshot leaves no unfinished job out."""
    old = await studio.submit()
    for _ in range(5):
        one = await studio.submit()
        await studio.book.change(one, cancelled(one, 100.0), [EventType.JOB_CANCELLED])
    found = await studio.store.read(lambda conn: records.recent(conn, studio.mira.artist_id, 50.0, limit=3))
    assert old in found
    assert [each.place for each in found] == sorted(each.place for each in found)


# -- values ---------------------------------------------------------------------------------------------------------


def test_a_job_whose_machine_is_lost_is_tried_three_times_and_ends_with_advice() -> None:
    one, attempts = job(1), []
    while one.unfinished:
        attempts.append(one.attempt)
        one = lost(running(claimed(one, "m1", None), 1.0), "The engine ended.", WaitingFor.NO_MACHINE, 2.0)  # type: ignore[arg-type]
    assert attempts == list(range(1, MAX_ATTEMPTS + 1))
    assert one.state is JobState.FAILED and one.error is not None
    assert (one.error.code, bool(one.error.hint)) == ("machine_lost", True)


def test_a_job_that_was_not_begun_loses_no_attempt() -> None:
    held = claimed(job(1), "m1", None)  # type: ignore[arg-type]
    back = released(held, WaitingFor.NO_MACHINE)
    assert (back.state, back.attempt, back.machine_id, back.claim) == (JobState.QUEUED, 1, None, None)


@given(st.integers(1, 10).flatmap(lambda count: st.tuples(st.just(count), st.permutations(range(count)))))
def test_a_job_ends_with_its_last_picture_in_whatever_order_they_come(drawn: tuple[int, list[int]]) -> None:
    count, order = drawn
    one: Job = running(job(1, request=request(count=count)), 1.0)
    for done, n in enumerate(order, 1):
        one = with_result(one, Result(n, "a" * 64, "image/png", 8, 8, 10, 42 + n), 5, 9.0)
        assert (one.state is JobState.SUCCEEDED) == (done == count)
    assert [result.n for result in one.results] == list(range(count))
    assert (one.cost_micros, one.missing(), one.finished_at) == (5 * count, [], 9.0)


def test_a_started_job_keeps_the_moment_of_its_first_start() -> None:
    again = running(replace(running(job(1), 10.0), state=JobState.QUEUED), 20.0)
    assert again.started_at == 10.0
