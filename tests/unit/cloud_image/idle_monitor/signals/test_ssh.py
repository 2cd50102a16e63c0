"""Sessions over SSH, in a folder that looks like /proc and /dev."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cloud_image.idle_monitor.signals.ssh import SshSignal
from cloud_image.idle_monitor.verdict import Said


class Host:
    """A machine whose processes and terminals are files."""

    def __init__(self, root: Path) -> None:
        self.proc, self.dev = root / "proc", root / "dev"
        (self.dev / "pts").mkdir(parents=True)
        self.proc.mkdir()
        (self.proc / "meminfo").touch()
        self.process(1, "/sbin/init")
        self.process(70, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups")

    def process(self, number: int, title: str, began: int = 500) -> None:
        folder = self.proc / str(number)
        folder.mkdir(exist_ok=True)
        (folder / "cmdline").write_text(title + "\0\0")
        (folder / "stat").write_text(f"{number} (sshd) S 1 " + "0 " * 17 + f"{began} 0 0\n")
        self.moved(number, 0)

    def moved(self, number: int, total: int) -> None:
        (self.proc / str(number) / "io").write_text(f"rchar: {total}\nwchar: 0\nsyscr: 9\nread_bytes: 77\n")

    def typed(self, terminal: str, at: float) -> None:
        path = self.dev / "pts" / terminal
        path.touch()
        os.utime(path, (at, 1.0))

    def ended(self, number: int) -> None:
        for file in (self.proc / str(number)).iterdir():
            file.unlink()
        (self.proc / str(number)).rmdir()

    def signal(self) -> SshSignal:
        return SshSignal(self.proc, self.dev, 1800.0)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_nobody_is_there(host: Host) -> None:
    host.process(71, "sshd: ubuntu [priv]")
    assert host.signal().read(10.0).said is Said.IDLE


@pytest.mark.parametrize("title", ["sshd: ubuntu@pts/0", "sshd-session: ubuntu@pts/0"])
def test_a_session_without_input_counts_for_half_an_hour(host: Host, title: str) -> None:
    host.process(80, title)
    host.typed("0", 1000.0)
    signal = host.signal()
    assert signal.read(10.0).said is Said.BUSY
    assert signal.read(1809.0).said is Said.BUSY
    sign = signal.read(1810.0)
    assert (sign.said, sign.sentence) == (Said.IDLE, "1 session over SSH, without input for 30 min.")
    host.typed("0", 1001.0)
    assert signal.read(1812.0).said is Said.BUSY


def test_the_clock_that_a_terminal_goes_by_does_not_matter(host: Host) -> None:
    host.process(80, "sshd: ubuntu@pts/0")
    host.typed("0", 9_000_000.0)
    signal = host.signal()
    signal.read(10.0)
    host.typed("0", 1.0)
    assert signal.read(2000.0).said is Said.BUSY


def test_any_terminal_of_any_session_counts(host: Host) -> None:
    host.process(80, "sshd: ubuntu@pts/0,pts/1")
    host.process(81, "sshd: ubuntu@pts/2")
    for terminal in "012":
        host.typed(terminal, 1000.0)
    signal = host.signal()
    signal.read(10.0)
    assert signal.read(2000.0).said is Said.IDLE
    host.typed("1", 1500.0)
    assert signal.read(2001.0).sentence == "2 sessions over SSH, without input for 0 s."


def test_a_copy_counts_while_it_moves_data(host: Host) -> None:
    host.process(80, "sshd: ubuntu@notty")
    signal = host.signal()
    signal.read(0.0)
    for second in range(0, 7200, 60):
        host.moved(80, 10_000 * (second + 1))
        assert signal.read(float(second)).said is Said.BUSY
    assert signal.read(7140.0 + 1801).said is Said.IDLE


def test_the_heartbeats_of_a_tunnel_are_no_input(host: Host) -> None:
    host.process(80, "sshd: ubuntu@notty")
    signal = host.signal()
    said = []
    for second in range(0, 7200, 15):
        host.moved(80, 10 * second)
        said.append(signal.read(float(second)).said)
    assert said[-1] is Said.IDLE and said.index(Said.IDLE) == 1800 // 15


def test_a_session_that_ended_counts_no_more(host: Host) -> None:
    host.process(80, "sshd: ubuntu@pts/0")
    host.typed("0", 1000.0)
    signal = host.signal()
    signal.read(10.0)
    host.ended(80)
    assert signal.read(12.0).said is Said.IDLE
    assert signal.memory() == {}


def test_a_process_with_the_number_of_one_that_ended_is_another(host: Host) -> None:
    host.process(80, "sshd: ubuntu@pts/0")
    host.typed("0", 1000.0)
    signal = host.signal()
    signal.read(10.0)
    host.process(80, "sshd: ubuntu@pts/0", began=900)
    assert signal.read(5000.0).said is Said.BUSY


def test_the_next_process_goes_on_from_there(host: Host) -> None:
    host.process(80, "sshd: ubuntu@pts/0")
    host.typed("0", 1000.0)
    before, after = host.signal(), host.signal()
    before.read(10.0)
    after.recall(json.loads(json.dumps(before.memory())))
    assert after.read(1811.0).said is Said.IDLE


def test_a_session_that_cannot_be_looked_into_is_missing(host: Host) -> None:
    host.process(80, "sshd: ubuntu@pts/7")
    assert host.signal().read(10.0).said is Said.MISSING


@pytest.mark.parametrize("memory", [None, [], {"80:1": [1]}, {"80:1": "abc"}])
def test_a_damaged_memory_is_refused(host: Host, memory: object) -> None:
    with pytest.raises(ValueError):
        host.signal().recall(memory)
