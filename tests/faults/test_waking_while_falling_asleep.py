"""Work arrives while the machine is on its way to sleep."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.follower import Follower
from tests.faults.machine import Machine

Start = Callable[..., Follower]


def awake_and_idle(her: Follower) -> None:
    """A first picture wakes the machine; then it has nothing to do."""
    job = her.artist.generate()
    her.until_finished(job)
    her.until_machine("ready")


def test_a_wake_during_draining_keeps_the_machine(start: Start) -> None:
    her = start(practice_args="", idle_seconds=2)
    machine = Machine(her.service)
    awake_and_idle(her)
    life = machine.life
    with machine.engine_frozen():  # the service looks once more whether the engine works, and waits for its answer
        her.until_machine("draining")
        job = her.artist.generate()
    her.until_finished(job)
    assert machine.life == life
    her.assert_delivered_once(job)


def test_a_picture_asked_for_while_the_machine_stops_is_painted_after_the_next_wake(start: Start) -> None:
    her = start(practice_args="", idle_seconds=2)
    machine = Machine(her.service)
    awake_and_idle(her)
    life = machine.life
    with machine.launcher_frozen():
        her.until_machine("stopping")
        job = her.artist.generate()
        assert job["waiting_for"] == "machine_waking"
    her.until_machine("asleep")
    her.until_finished(job)
    assert machine.life != life
    assert len(her.service.engines()) <= 1
    her.assert_delivered_once(job)


def test_a_wish_to_paint_during_draining_keeps_the_machine(start: Start) -> None:
    her = start(practice_args="", idle_seconds=2, wish_seconds=3)
    machine = Machine(her.service)
    awake_and_idle(her)
    life = machine.life
    with machine.engine_frozen():
        her.until_machine("draining")
        her.artist.wake()
    her.until_machine("ready")
    assert machine.life == life


def test_the_service_killed_while_the_machine_stops_wakes_it_again_for_a_picture(start: Start) -> None:
    her = start(practice_args="", idle_seconds=2)
    machine = Machine(her.service)
    awake_and_idle(her)
    with machine.launcher_frozen():
        her.until_machine("stopping")
        job = her.artist.generate()
        her.service.kill()
    her.restart_service()
    her.until_finished(job)
    her.assert_delivered_once(job)
