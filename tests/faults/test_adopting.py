"""A service that was killed comes back while the engine is still at work, and follows it to the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.follower import Follower
from tests.faults.machine import Machine

Start = Callable[..., Follower]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_picture_half_done_is_taken_up_by_the_next_service_and_painted_once(start: Start, end: str) -> None:
    her = start()
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 4)
    life = machine.life
    with machine.engine_frozen():  # so that it is still half done when the next service comes
        getattr(her.service, end)()
        her.restart_service()
    her.until_step(job, 6)
    her.until_finished(job)
    assert machine.life == life
    assert machine.prompts_given() == 1
    her.assert_delivered_once(job)


def test_a_service_killed_again_and_again_delivers_in_the_end(start: Start) -> None:
    her = start()
    machine = Machine(her.service)
    job = her.artist.generate()
    for step in (2, 5, 8):
        her.until_step(job, step)
        with machine.engine_frozen():
            her.service.kill()
            her.restart_service()
    her.until_finished(job)
    assert machine.prompts_given() == 1
    her.assert_delivered_once(job)


def test_a_service_that_comes_back_to_an_engine_that_stands_still_takes_pictures_all_the_same(start: Start) -> None:
    her = start()
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 4)
    with machine.engine_frozen():
        her.service.kill()
        her.restart_service()
        behind = her.artist.generate("the next")
    her.until_finished(job)
    her.until_finished(behind)
    her.assert_delivered_once(job)
    her.assert_delivered_once(behind)
