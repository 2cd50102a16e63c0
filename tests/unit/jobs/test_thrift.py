"""Memory that runs out: one more try at lower cost, whatever else happens to the job, then advice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.jobs.studio import Studio, job
from wake_service.jobs.events import EventType
from wake_service.jobs.model import MAX_ATTEMPTS, Claim, Job, JobState, WaitingFor, claimed, lost, released, running
from wake_service.jobs.thrift import NOTE, Memory, starved
from wake_service.jobs.views import Outlook, job_view

CLAIM = Claim("service", "token", 9.0)


def begun(before: Job) -> Job:
    return running(claimed(before, "m1", CLAIM), 5.0)


def ran_out(of: Memory, before: Job) -> Job:
    return starved(before, of, WaitingFor.NO_MACHINE, 7.0, tried_frugally=before.frugal)


@pytest.mark.parametrize("memory", Memory)
def test_the_first_time_it_is_queued_again_to_be_painted_frugally(memory: Memory) -> None:
    after = ran_out(memory, begun(job()))
    assert (after.state, after.frugal, after.attempt) == (JobState.QUEUED, True, 2)
    assert (after.machine_id, after.claim, after.error) == (None, None, None)


@pytest.mark.parametrize("memory", Memory)
def test_the_second_time_it_ends_with_advice_and_a_code_of_its_own(memory: Memory) -> None:
    after = ran_out(memory, begun(ran_out(memory, begun(job()))))
    assert after.state is JobState.FAILED and after.error is not None
    assert after.error.code == "engine_out_of_memory"
    assert "memory" in after.error.message
    assert all(advice in after.error.hint for advice in ("smaller region", "smaller model", "larger machine"))


def test_gpu_and_machine_are_told_apart() -> None:
    told = {ran_out(memory, replace(begun(job()), frugal=True)).error for memory in Memory}
    assert len(told) == 2


@given(st.lists(st.sampled_from(["gpu", "machine", "lost", "released"]), min_size=12, max_size=30))
def test_whatever_happens_there_is_one_frugal_try_and_the_job_ends(happened: list[str]) -> None:
    """Only being given back unharmed costs nothing; it is left out of the bound."""
    now, tries, frugal_tries = job(), 0, 0
    for what in happened:
        now = begun(now)
        tries += what != "released"
        frugal_tries += now.frugal and what in ("gpu", "machine")
        match what:
            case "released":
                now = released(now, WaitingFor.NO_MACHINE)
            case "lost":
                now = lost(now, "It was lost.", WaitingFor.NO_MACHINE, 7.0)
            case _:
                now = ran_out(Memory(what), now)
        if not now.unfinished:
            break
    assert frugal_tries <= 1
    assert tries <= MAX_ATTEMPTS + 1
    assert now.unfinished or now.error is not None
    if now.unfinished:
        assert now.frugal == any(what in ("gpu", "machine") for what in happened)


async def test_that_it_is_painted_frugally_survives_a_restart_and_is_told(studio: Studio) -> None:
    before = await studio.submit()
    await studio.book.change(before, ran_out(Memory.GPU, before), [EventType.JOB_REQUEUED])
    await studio.book.load()
    (after,) = studio.book.board
    assert after.frugal
    assert job_view(before, Outlook(), "USD")["note"] is None
    assert job_view(after, Outlook(), "USD")["note"] == NOTE
    assert NOTE.encode() in (await studio.told())[-1].body
