"""The service ends in the middle of things. What it acknowledged is delivered by its next life, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.follower import Follower
from tests.faults.machine import Machine

Start = Callable[..., Follower]


def test_a_picture_is_delivered_after_a_kill_right_after_the_202(start: Start) -> None:
    her = start()
    job = her.artist.generate()
    her.service.kill()
    her.restart_service()
    her.until_finished(job)
    her.assert_delivered_once(job)


def test_the_same_key_after_a_kill_is_the_same_job(start: Start) -> None:
    her = start()
    job = her.artist.generate(key="layer 7")
    her.service.kill()
    her.restart_service()
    assert her.artist.generate(key="layer 7")["id"] == job["id"]
    her.until_finished(job)
    her.assert_delivered_once(job)
    assert [known["id"] for known in her.artist.jobs()] == [job["id"]]


def test_a_machine_that_wakes_is_adopted_by_the_next_service(start: Start) -> None:
    her = start(practice_args="--startup-seconds 1.5")
    job = her.artist.generate()
    her.until_machine("waking", "booting")
    life = Machine(her.service).life
    her.service.kill()
    her.restart_service()
    her.until_finished(job)
    assert Machine(her.service).life == life
    her.assert_delivered_once(job)


def test_a_picture_that_the_engine_finishes_while_no_service_lives_is_brought_home(start: Start) -> None:
    her = start()
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 8)
    her.service.kill()
    machine.has_ended(1)
    her.restart_service()
    her.until_finished(job)
    assert machine.prompts_given() == 1
    her.assert_delivered_once(job)


@pytest.mark.parametrize("moment", ["job.queued", "job.running", "job.stage", "job.result"])
def test_of_several_pictures_each_is_painted_and_delivered_once_whenever_the_service_is_killed(start: Start, moment: str) -> None:
    her = start(practice_args="--step-seconds 0.05")
    machine = Machine(her.service)
    job = her.artist.generate(count=3)
    her.until_type(moment)
    her.service.kill()
    her.restart_service()
    her.until_finished(job)
    assert machine.prompts_given() == 3
    her.assert_delivered_once(job)


def test_jobs_behind_the_running_one_keep_their_places_over_a_kill(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.05")
    jobs = [her.artist.generate(f"boat {n}") for n in range(4)]
    her.until_step(jobs[0], 2)
    her.service.kill()
    her.restart_service()
    for job in jobs:
        her.until_finished(job)
    for job in jobs:
        her.assert_delivered_once(job)


def test_a_cancel_that_was_acknowledged_holds_after_a_kill(start: Start) -> None:
    her = start()
    job = her.artist.generate()
    her.until_step(job, 3)
    her.artist.cancel(job["id"])
    her.service.kill()
    her.restart_service()
    her.until_type("job.cancelled", job=job["id"])
    her.assert_ended_once(job, "cancelled")
