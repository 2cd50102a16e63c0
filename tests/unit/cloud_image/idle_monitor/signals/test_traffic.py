"""Prompts and uploads in flight, in the kernel's list of sockets."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cloud_image.idle_monitor.signals.traffic import TrafficSignal
from cloud_image.idle_monitor.verdict import Said

HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"
SOCKET = Path("/run/wakebrush/guard/prompt.sock")
LISTENS = f"0000000000000001: 00000002 00000000 00010000 0001 01 17 {SOCKET}\n"
PASSES = f"0000000000000002: 00000003 00000000 00000000 0001 03 18 {SOCKET}\n"
NAMELESS = "0000000000000003: 00000003 00000000 00000000 0001 03 19\n"
OTHER = "0000000000000004: 00000003 00000000 00000000 0001 03 20 /run/wakebrush/guard/upload.sock\n"
LONGER = f"0000000000000005: 00000003 00000000 00000000 0001 03 21 {SOCKET}.old\n"


@pytest.mark.parametrize(
    ("rows", "said", "sentence"),
    [
        (LISTENS, Said.IDLE, "No prompt is on the way."),
        (LISTENS + NAMELESS + OTHER + LONGER, Said.IDLE, "No prompt is on the way."),
        (LISTENS + PASSES, Said.BUSY, "A prompt is on the way to the engine."),
        (PASSES + LISTENS + PASSES, Said.BUSY, "2 prompts are on the way to the engine."),
    ],
)
def test_connections_of_the_guards_inner_door_are_work(tmp_path: Path, rows: str, said: Said, sentence: str) -> None:
    (tmp_path / "unix").write_text(HEAD + rows)
    sign = TrafficSignal(("prompt", "prompts"), SOCKET, tmp_path / "unix").read(1.0)
    assert (sign.signal, sign.said, sign.sentence) == ("prompts", said, sentence)


def test_the_kernel_lists_a_connection_from_the_moment_it_is_made_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a door.sock"
    signal = TrafficSignal(("upload", "uploads"), path, Path("/proc/net/unix"))
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        assert signal.read(1.0).said is Said.IDLE
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            assert signal.read(2.0).said is Said.BUSY
            served, _ = door.accept()
            assert signal.read(3.0).level == 1
        served.close()
        assert signal.read(4.0).said is Said.IDLE
