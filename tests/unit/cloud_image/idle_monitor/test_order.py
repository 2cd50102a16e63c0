"""A stop that the service has ordered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud_image.door import Closer, Door
from cloud_image.idle_monitor.order import Orders, refusal
from cloud_image.idle_monitor.sampler import Sampler
from cloud_image.idle_monitor.signals.base import GivenSignal
from cloud_image.idle_monitor.stopping import Stopper
from cloud_image.idle_monitor.verdict import Said
from tests.unit.cloud_image.idle_monitor.machine import Machine, NotedWorld, Off


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path, [GivenSignal("engine"), GivenSignal("hold", Said.BUSY), GivenSignal("activity", Said.BUSY)])
    machine.paths.door.mkdir(parents=True)
    machine.paths.stop_order.parent.mkdir(parents=True)
    return machine


def orders(machine: Machine) -> Orders:
    sampler = Sampler(machine.signals, machine.clock, 1.0, 30.0)
    stopper = Stopper(machine.world, machine.clock, machine.said.append)
    return Orders(machine.paths, sampler, stopper, machine.clock, 3.0, machine.said.append)


def order(machine: Machine, text: str = '{"order": "a3", "force": false, "at": 1.0}') -> None:
    machine.paths.stop_order.write_text(text)


def busy_from(machine: Machine, moment: float) -> None:
    engine = machine.signals[0]
    assert isinstance(engine, GivenSignal)
    machine.clock.at = lambda now: setattr(engine, "says", [Said.BUSY if now >= moment else Said.IDLE])


def test_the_machine_stops_behind_a_closed_door(machine: Machine) -> None:
    order(machine)
    closed: list[frozenset[Closer]] = []
    machine.world.before = lambda: closed.append(Door(machine.paths.door).closers())
    with pytest.raises(Off):
        orders(machine).obey()
    assert closed == [{Closer.STOP}] and machine.clock.now == 1003.0


@pytest.mark.parametrize("moment", [1000.0, 1002.0, 1003.0])
def test_with_work_there_it_goes_on_and_says_why(machine: Machine, moment: float) -> None:
    order(machine)
    busy_from(machine, moment)
    assert not orders(machine).obey()
    assert not machine.world.stops and not Door(machine.paths.door).closers() and not machine.paths.stop_order.exists()
    answer = json.loads(refusal(machine.paths).read_text())
    assert answer == {"at": machine.clock.wall(), "sentence": "The machine goes on as before. engine is busy."}


def test_a_forced_order_does_not_look(machine: Machine) -> None:
    order(machine, '{"order": "a3", "force": true, "at": 1.0}')
    busy_from(machine, 0.0)
    with pytest.raises(Off):
        orders(machine).obey()
    assert machine.clock.now == 1000.0


def test_without_an_order_nothing_happens(machine: Machine) -> None:
    assert orders(machine).obey()
    assert not machine.world.stops and not refusal(machine.paths).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"force": "yes"}'])
def test_an_order_that_cannot_be_read_is_refused(machine: Machine, text: str) -> None:
    order(machine, text)
    assert not orders(machine).obey()
    assert not machine.world.stops and not machine.paths.stop_order.exists() and refusal(machine.paths).exists()


def test_a_machine_that_cannot_be_stopped_takes_prompts_again(machine: Machine) -> None:
    machine.world = NotedWorld(refuses=["power off", "stop from outside", "power off at once"])
    order(machine)
    assert not orders(machine).obey()
    assert not Door(machine.paths.door).closers() and not machine.paths.stop_order.exists()
    assert "does not" in json.loads(refusal(machine.paths).read_text())["sentence"]


def test_what_others_closed_stays_closed(machine: Machine) -> None:
    Door(machine.paths.door).close(Closer.SERVICE)
    order(machine)
    busy_from(machine, 0.0)
    orders(machine).obey()
    assert Door(machine.paths.door).closers() == {Closer.SERVICE}
