"""She changes her mind, at the most inconvenient moments."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.follower import Follower
from tests.faults.machine import Machine
from tests.support.running_service import eventually

Start = Callable[..., Follower]


def test_a_queued_picture_is_cancelled_and_the_one_before_it_goes_on(start: Start) -> None:
    her = start()
    machine = Machine(her.service)
    jobs = [her.artist.generate(f"boat {n}") for n in range(4)]
    her.until_step(jobs[0], 2)
    for unwanted in (jobs[1], jobs[3]):
        assert her.artist.cancel(unwanted["id"])["state"] == "cancelled"
    her.until_finished(jobs[0])
    her.until_finished(jobs[2])
    for unwanted in (jobs[1], jobs[3]):
        her.assert_ended_once(unwanted, "cancelled")
    eventually(lambda: machine.prompts_executed() >= 2, 10, "the engine's word that it is done with both")
    assert machine.prompts_executed() == 2
    for job in (jobs[0], jobs[2]):
        her.assert_delivered_once(job)


def test_a_picture_cancelled_while_its_machine_wakes_lets_the_machine_go_back_to_sleep(start: Start) -> None:
    her = start(practice_args="--startup-seconds 30")
    job = her.artist.generate()
    her.until_machine("waking", "booting")
    her.artist.cancel(job["id"])
    her.until_finished(job)
    her.until_machine("asleep")
    her.assert_ended_once(job, "cancelled")


def test_a_running_picture_is_cancelled_and_the_next_uses_the_same_engine(start: Start) -> None:
    her = start()
    machine = Machine(her.service)
    unwanted = her.artist.generate()
    her.until_step(unwanted, 3)
    life = machine.life
    job = her.artist.generate()
    assert her.artist.cancel(unwanted["id"])["state"] == "cancelled"
    her.until_finished(job)
    assert machine.life == life
    her.assert_ended_once(unwanted, "cancelled")
    her.assert_delivered_once(job)


def test_pictures_stored_before_the_cancel_stay(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.05")
    job = her.artist.generate(count=5)
    her.until_type("job.result")
    her.artist.cancel(job["id"])
    her.until_finished(job)
    kept = her.artist.job(job["id"])
    assert kept["state"] == "cancelled"
    assert 1 <= len(kept["results"]) < 5
    for result in kept["results"]:
        assert len(her.artist.result(job["id"], result["n"])) == result["size"]
    her.assert_nothing_missed_or_repeated()


def test_a_cancel_sent_twice_and_one_that_comes_too_late_change_nothing(start: Start) -> None:
    her = start()
    job = her.artist.generate()
    her.until_finished(job)
    assert her.artist.cancel(job["id"])["state"] == "succeeded"
    unwanted = her.artist.generate()
    first, second = her.artist.cancel(unwanted["id"]), her.artist.cancel(unwanted["id"])
    assert first["state"] == second["state"] == "cancelled"
    her.until_finished(unwanted)
    her.assert_ended_once(unwanted, "cancelled")
    her.assert_delivered_once(job)
