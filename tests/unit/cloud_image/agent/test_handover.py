"""A hand-over ends with a machine that is sure to be wiped, or with one that goes on as before and a reason."""

from __future__ import annotations

import asyncio
import json

import pytest

from cloud_image.agent.handover import WIPE_SECONDS, WIPED, HandingOver
from cloud_image.agent.state import State
from cloud_image.door import Closer, Door
from cloud_image.paths import Paths
from tests.unit.cloud_image.agent.conftest import Background, moved
from wake_service.clock import ManualClock


class Machine:
    """A door, an engine that may have work, and a root that answers when the test says so."""

    def __init__(self, paths: Paths, state: State, clock: ManualClock) -> None:
        self.paths, self.clock, self.state = paths, clock, state
        self.door = Door(paths.door)
        self.work = ""
        self.forgotten = 0
        self.handing_over = HandingOver(self.door, paths.wipe_order, paths.wiped, self._work, self._forget, state, clock)

    async def _work(self) -> str:
        assert Closer.WIPE in self.door.closers(), "the engine was looked at while prompts could still come"
        return self.work

    def _forget(self) -> None:
        self.forgotten += 1

    def root_answers(self, sentence: str = "", order: str | None = None) -> None:
        given = json.loads(self.paths.wipe_order.read_text(encoding="utf-8"))["order"]
        self.paths.wiped.write_text(json.dumps({"order": order or given, "sentence": sentence}), encoding="utf-8")
        if order is None:
            self.paths.wipe_order.unlink()

    async def hand_over(self, background: Background, id: str = "h1") -> asyncio.Task[None]:
        self.said: list[str] = []

        async def obey() -> None:
            self.said.append(await self.handing_over.hand_over(id))

        task = background(obey())
        await asyncio.sleep(0)
        return task


@pytest.fixture
def machine(paths: Paths, state: State, clock: ManualClock) -> Machine:
    return Machine(paths, state, clock)


async def test_it_is_done_once_root_says_so_and_the_door_is_closed_until_then(machine: Machine, background: Background) -> None:
    await machine.hand_over(background)
    await moved(machine.clock, machine.paths.wipe_order.exists, step=0.1)
    assert machine.door.closers() == {Closer.WIPE} and machine.forgotten == 1 and not machine.said
    machine.root_answers()
    await moved(machine.clock, lambda: machine.said, step=0.1)
    assert machine.said == [""] and not machine.door.closers()
    assert machine.state.facts.happened[-1].sentence == WIPED


async def test_work_refuses_it_and_nothing_is_touched(machine: Machine, background: Background) -> None:
    machine.work = "A picture is being made, so the machine goes on as before."
    await (await machine.hand_over(background))
    assert machine.said == [machine.work] and machine.forgotten == 0
    assert not machine.door.closers() and not machine.paths.wipe_order.exists()


async def test_what_root_could_not_do_is_refused_in_its_words(machine: Machine, background: Background) -> None:
    await machine.hand_over(background)
    await moved(machine.clock, machine.paths.wipe_order.exists, step=0.1)
    machine.root_answers("The machine could not be wiped: the disk is read-only")
    await moved(machine.clock, lambda: machine.said, step=0.1)
    assert "read-only" in machine.said[0] and not machine.door.closers()


async def test_the_answer_to_an_earlier_order_is_not_this_ones(machine: Machine, background: Background) -> None:
    await machine.hand_over(background, "h2")
    await moved(machine.clock, machine.paths.wipe_order.exists, step=0.1)
    machine.root_answers(order="h1")
    for _ in range(20):
        await machine.clock.advance(0.1)
    assert not machine.said
    machine.root_answers()
    await moved(machine.clock, lambda: machine.said, step=0.1)
    assert machine.said == [""]


async def test_a_root_that_never_comes_is_refused_in_time_and_the_order_taken_back(
    machine: Machine, background: Background
) -> None:
    await machine.hand_over(background)
    began = machine.clock.now()
    await moved(machine.clock, lambda: machine.said, step=1.0)
    assert machine.clock.now() - began <= WIPE_SECONDS + 2 and "nobody knows" in machine.said[0]
    assert not machine.paths.wipe_order.exists() and not machine.door.closers()


async def test_an_agent_that_ended_in_the_middle_leaves_the_door_open_once_root_is_done(machine: Machine) -> None:
    machine.door.close(Closer.WIPE)
    machine.paths.wipe_order.write_text("{}", encoding="utf-8")
    machine.handing_over.recover()
    assert machine.door.closers() == {Closer.WIPE}
    machine.paths.wipe_order.unlink()
    machine.handing_over.recover()
    assert not machine.door.closers()


async def test_it_opens_nothing_that_another_closed(machine: Machine, background: Background) -> None:
    machine.door.close(Closer.SERVICE)
    machine.work = "A picture is being made."
    await (await machine.hand_over(background))
    assert machine.door.closers() == {Closer.SERVICE}
