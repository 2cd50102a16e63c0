"""systemd hears that the agent is ready, and that it lives only while all of it does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_image.agent.notify import Pulse, Systemd, keep_alive
from tests.unit.cloud_image.agent.conftest import Background
from wake_service.clock import ManualClock


class Manager:
    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.path = path

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(1000).decode())
            except BlockingIOError:
                return found

    def systemd(self, **more: str) -> Systemd:
        return Systemd({"NOTIFY_SOCKET": str(self.path)} | more)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.socket.close()


def test_words_arrive_as_lines_of_one_message(manager: Manager) -> None:
    manager.systemd().tell("READY=1", "STATUS=Here.")
    assert manager.heard() == ["READY=1\nSTATUS=Here."]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0wakebrush-test-notify")
        Systemd({"NOTIFY_SOCKET": "@wakebrush-test-notify"}).tell("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_said_and_one_that_is_gone_is_borne(tmp_path: Path) -> None:
    Systemd({}).tell("READY=1")
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).tell("READY=1")
    assert Systemd({}).watchdog is None and Systemd({"WATCHDOG_USEC": "30000000"}).watchdog == 30.0


async def test_the_watchdog_is_fed_only_while_every_part_beats(
    manager: Manager, clock: ManualClock, background: Background
) -> None:
    pulse = Pulse(clock)
    pulse.watch("engine", 25)
    pulse.watch("gpus", 1000)
    background(keep_alive(manager.systemd(WATCHDOG_USEC="30000000"), pulse, clock))
    await clock.advance(20)
    assert manager.heard() == ["WATCHDOG=1"] * 3
    await clock.advance(60)
    assert manager.heard() == [] and pulse.dead() == ["engine"]
    pulse.beat("engine")
    await clock.advance(10)
    assert manager.heard() == ["WATCHDOG=1"]


async def test_a_part_that_has_ended_as_it_should_is_not_missed(clock: ManualClock) -> None:
    pulse = Pulse(clock)
    pulse.watch("gpus", 5)
    pulse.rest("gpus")
    await clock.advance(60)
    assert not pulse.dead()
