"""A stop ends with the machine under way to its sleep, or with its door open again and a reason."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cloud_image.agent.engine_client import EngineSilent
from cloud_image.agent.prompts import Waiting, Work
from cloud_image.agent.stopping import Stopping, connections
from cloud_image.door import Closer, Door
from cloud_image.paths import Paths


class Machine:
    """An engine and a door, with notes of the order in which they were looked at."""

    def __init__(self, paths: Paths) -> None:
        self.door, self.paths = Door(paths.door), paths
        self.work: Work | Exception | None = Work()
        self.in_flight = 0
        self.looks: list[str] = []
        self.stopping = Stopping(self.door, paths.stop_order, self, self._count, lambda: 1000.0)

    async def fresh_work(self) -> Work | None:
        assert Closer.STOP in self.door.closers(), "the engine was looked at while prompts could still come"
        self.looks.append("engine")
        if isinstance(self.work, Exception):
            raise self.work
        return self.work

    def _count(self) -> int:
        assert Closer.STOP in self.door.closers()
        self.looks.append("door")
        return self.in_flight


@pytest.fixture
def machine(paths: Paths) -> Machine:
    return Machine(paths)


async def test_a_machine_without_work_closes_and_hands_over(machine: Machine) -> None:
    assert await machine.stopping.stop("s1", False) == ""
    assert json.loads(machine.paths.stop_order.read_text()) == {"order": "s1", "force": False, "at": 1000.0}
    assert machine.door.closers() == {Closer.STOP} and machine.looks == ["door", "engine"]


@pytest.mark.parametrize(
    ("work", "in_flight", "said"),
    [
        (Work(running=(Waiting("p", ()),)), 0, "A picture is being made"),
        (Work(pending=(Waiting("p", ()),)), 0, "A picture is being made"),
        (Work(), 1, "on its way to the engine"),
        (EngineSilent("It loads."), 0, "does not say whether it has work"),
    ],
)
async def test_work_anywhere_between_door_and_engine_refuses_the_stop_and_reopens(
    machine: Machine, work: Work | Exception, in_flight: int, said: str
) -> None:
    machine.work, machine.in_flight = work, in_flight
    assert said in await machine.stopping.stop("s1", False)
    assert not machine.door.closers() and not machine.paths.stop_order.exists()


async def test_a_forced_stop_asks_nobody(machine: Machine) -> None:
    machine.work, machine.in_flight = Work(running=(Waiting("p", ()),)), 1
    assert await machine.stopping.stop("s1", True) == ""
    assert json.loads(machine.paths.stop_order.read_text())["force"] is True and not machine.looks


async def test_an_engine_that_is_not_there_has_no_work(machine: Machine) -> None:
    machine.work = None
    assert await machine.stopping.stop("s1", False) == ""


async def test_a_refused_stop_opens_nothing_that_another_closed(machine: Machine) -> None:
    machine.door.close(Closer.SERVICE)
    machine.in_flight = 1
    await machine.stopping.stop("s1", False)
    assert machine.door.closers() == {Closer.SERVICE}


async def test_a_stop_that_cannot_be_handed_over_reopens(machine: Machine) -> None:
    machine.paths.stop_order.mkdir()
    with pytest.raises(OSError):
        await machine.stopping.stop("s1", False)
    assert not machine.door.closers()


def test_only_connections_that_stand_on_that_socket_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "prompt.sock"
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as other:
        listening.bind(str(path))
        listening.listen()
        other.bind(str(tmp_path / "prompt.sock.other"))
        other.listen()
        assert connections(path) == 0
        with socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as stranger:
            client.connect(str(path))
            stranger.connect(str(tmp_path / "prompt.sock.other"))
            assert connections(path) == 1, "one that waits to be taken"
            accepted, _ = listening.accept()
            assert connections(path) == 1
            client.close()
            assert connections(path) == 1, "one whose client is gone"
            accepted.close()
        assert connections(path) == 0
