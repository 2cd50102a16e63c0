"""The engine, or what owns it, ends or fails in the middle of a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.follower import Follower
from tests.faults.machine import Machine

Start = Callable[..., Follower]


def fails(how: str, times: int, tmp_path: Path) -> str:
    """Arguments for an engine that fails so many times in the middle of a picture, over all its lives."""
    return f"--fail {how}@3 --fail-first {times} --fail-counter {tmp_path / 'failures'}"


@pytest.mark.parametrize("which", ["engine", "launcher"])
def test_a_picture_whose_machine_is_killed_mid_step_is_painted_by_the_next_one(start: Start, which: str, tmp_path: Path) -> None:
    her = start(practice_args=fails("hang", 1, tmp_path))  # it stays in the middle of the picture until it is killed
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 2)
    machine.hangs()
    first = machine.life
    getattr(machine, f"kill_{which}")()
    her.until_type("job.requeued", job=job["id"])
    her.until_finished(job)
    assert machine.life != first
    assert len(her.service.engines()) <= 1
    her.assert_delivered_once(job, attempt=2)


def test_an_engine_that_crashes_once_delivers_at_the_second_attempt(start: Start, tmp_path: Path) -> None:
    her = start(practice_args=fails("crash", 1, tmp_path))
    job = her.artist.generate()
    her.until_finished(job)
    her.assert_delivered_once(job, attempt=2)


def test_pictures_stored_before_a_crash_are_not_painted_again(start: Start) -> None:
    her = start(practice_args="--step-seconds 0.05")
    machine = Machine(her.service)
    job = her.artist.generate(count=3)
    her.until_type("job.result")
    machine.kill_engine()
    her.until_finished(job)
    assert machine.prompts_given() <= 2
    her.assert_delivered_once(job, attempt=2)


def test_an_engine_that_crashes_every_time_fails_the_job_after_three_attempts_with_advice(start: Start) -> None:
    her = start(practice_args="--fail crash@3")
    job = her.artist.generate()
    her.until_finished(job)
    ended = her.assert_ended_once(job, "failed")
    assert [event["type"] for event in her.durable].count("job.requeued") == 2
    assert ended["attempt"] == 3
    assert ended["error"]["code"] == "machine_lost"
    assert "lost 3 times" in ended["error"]["message"]
    assert "smaller region" in ended["error"]["hint"]


def test_a_job_that_only_waited_behind_a_crash_is_not_blamed_for_it(start: Start, tmp_path: Path) -> None:
    her = start(practice_args=fails("crash", 3, tmp_path))
    guilty, innocent = her.artist.generate("a storm"), her.artist.generate("a calm sea")
    her.until_finished(guilty, 60)
    her.until_finished(innocent)
    her.assert_ended_once(guilty, "failed")
    her.assert_delivered_once(innocent)


def test_a_machine_killed_while_it_wakes_is_woken_again(start: Start) -> None:
    her = start(practice_args="--startup-seconds 1")
    job = her.artist.generate()
    her.until_machine("waking", "booting")
    Machine(her.service).kill_engine()
    her.until_machine("asleep")
    her.until_finished(job)
    her.assert_delivered_once(job)


def test_a_machine_killed_while_no_service_lives_is_noticed_by_the_next_one(start: Start, tmp_path: Path) -> None:
    her = start(practice_args=fails("hang", 1, tmp_path))
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 2)
    machine.hangs()
    her.service.kill()
    machine.kill_launcher()
    her.restart_service()
    her.until_finished(job)
    her.assert_delivered_once(job, attempt=2)


def test_out_of_memory_twice_is_told_with_advice_and_the_next_job_works(start: Start) -> None:
    her = start(practice_args="--fail oom@2 --fail-first 2")
    too_large = her.artist.generate()
    assert "once more" in her.until_type("job.requeued", job=too_large["id"])["data"]["job"]["note"]
    job = her.artist.generate()
    error = her.until_finished(too_large)["error"]
    assert error["code"] == "engine_out_of_memory"
    assert "memory" in error["message"]
    assert "smaller region" in error["hint"]
    life = Machine(her.service).life
    her.until_finished(job)
    her.assert_ended_once(too_large, "failed")
    her.assert_delivered_once(job)
    assert Machine(her.service).life == life


@pytest.mark.parametrize("killed", [False, True], ids=["", "service killed meanwhile"])
def test_a_picture_too_large_for_the_gpu_is_painted_at_lower_cost_on_the_same_machine(start: Start, killed: bool) -> None:
    her = start(practice_args="--fail tight@2 --step-seconds 0.05")
    job = her.artist.generate()
    her.until_type("job.requeued", job=job["id"])
    life = Machine(her.service).life
    if killed:
        her.service.kill()
        her.restart_service()
    her.until_finished(job)
    her.assert_delivered_once(job, attempt=2)
    assert Machine(her.service).life == life
    assert her.artist.job(job["id"])["note"] is None, "what is over is not told any more"


def test_a_picture_that_hangs_can_be_cancelled_and_the_next_is_painted_once_the_engine_is_gone(
    start: Start, tmp_path: Path
) -> None:
    her = start(practice_args=fails("hang", 1, tmp_path))
    machine = Machine(her.service)
    hung = her.artist.generate()
    her.until_step(hung, 2)
    machine.hangs()
    her.artist.cancel(hung["id"])
    her.until_finished(hung)
    job = her.artist.generate()
    machine.kill_engine()
    her.until_finished(job)
    her.assert_ended_once(hung, "cancelled")
    her.assert_delivered_once(job)
