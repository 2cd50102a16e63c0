"""The engine lives, but the connection to it does not, or it does not answer for a while."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.faults.engine_behind_wire import Trouble, make, start_behind_wire
from tests.faults.follower import Follower
from tests.faults.machine import Machine
from tests.faults.test_engine_killed import fails

Start = Callable[..., Follower]


def test_a_connection_cut_in_the_middle_of_a_picture_is_made_again_and_the_picture_painted_once(
    start: Start, tmp_path: Path
) -> None:
    her = start_behind_wire(start, tmp_path / "ComfyUI", "--step-seconds 0.2")
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 3)
    make(Trouble.CUT, machine)
    her.until_step(job, 7)
    her.until_finished(job)
    assert machine.prompts_given() == 1
    her.assert_delivered_once(job)


def test_a_connection_that_breaks_again_and_again_costs_no_picture_and_paints_none_twice(start: Start, tmp_path: Path) -> None:
    her = start_behind_wire(start, tmp_path / "ComfyUI", "--step-seconds 0.05")
    machine = Machine(her.service)
    job = her.artist.generate(count=4)
    for moment in ("job.running", "job.result", "job.result", "job.result"):
        her.until_type(moment)
        make(Trouble.CUT, machine)
    her.until_finished(job)
    assert machine.prompts_given() == 4
    her.assert_delivered_once(job)


def test_an_engine_that_cannot_be_reached_any_more_is_given_up_and_the_picture_painted_by_the_next(
    start: Start, tmp_path: Path
) -> None:
    her = start_behind_wire(start, tmp_path / "ComfyUI", fails("hang", 1, tmp_path))
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 2)
    machine.hangs()
    first = machine.life
    make(Trouble.DOWN, machine)
    requeued = her.until_type("job.requeued", job=job["id"])
    assert requeued["data"]["job"]["attempt"] == 2
    her.until_finished(job)
    assert machine.life != first
    her.assert_delivered_once(job, attempt=2)


def test_an_engine_that_stands_still_for_a_while_goes_on_where_it_was(start: Start) -> None:
    her = start()
    machine = Machine(her.service)
    job = her.artist.generate()
    her.until_step(job, 4)
    with machine.engine_frozen():
        behind = her.artist.generate("the next")
        assert her.artist.job(job["id"])["state"] == "running"
    her.until_finished(job)
    her.until_finished(behind)
    assert machine.prompts_given() == 2
    her.assert_delivered_once(job)
    her.assert_delivered_once(behind)
