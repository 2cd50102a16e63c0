"""The agent as systemd runs it: a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_image.agent import cli
from cloud_image.paths import Paths

ROOT = Path(__file__).parents[4]
SETTINGS = 'cloud = "none"\n[guard]\ntoken_file = "token"\n[engine]\nport = 1\n'


@pytest.fixture
def settled(paths: Paths) -> Paths:
    paths.settings.write_text(SETTINGS)
    return paths


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end of the notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        yield manager


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_stays_small_and_ends_when_it_is_told(
    settled: Paths, manager: socket.socket, tmp_path: Path, kind: signal.Signals
) -> None:
    environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cloud_image.agent.cli", "--root", str(settled.root)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert manager.recv(1000).startswith(b"READY=1")
            with socket.socket(socket.AF_UNIX) as caller:
                caller.connect(str(settled.agent_socket))
                caller.sendall(b"GET /agent/results/none HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
                assert caller.recv(100).startswith(b"HTTP/1.1 404")
            status = Path(f"/proc/{process.pid}/status").read_text()
            kib = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
            assert kib / 1024 <= 40
            process.send_signal(kind)
            assert process.wait(15) == 0
        finally:
            process.kill()
            said = process.communicate()[1]
    assert "ERROR" not in said and "Traceback" not in said and not settled.agent_socket.exists()


def test_it_imports_no_library_that_would_make_it_large() -> None:
    heavy = ("pydantic", "boto3", "aiohttp", "fastapi", "numpy", "uvloop", "httptools", "wake_service")
    code = f"import sys; import cloud_image.agent.cli; print([name for name in {heavy!r} if name in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_settings_that_cannot_be_used_are_said(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    paths.settings.write_text("[agent]\nkeep_days = -1\n")
    assert cli.main(["--root", str(paths.root)]) == 1
    assert "keep_days cannot be below zero" in caplog.text


def test_a_machine_that_is_not_laid_out_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert cli.main(["--root", str(tmp_path)]) == 1
    assert "Were its folders made" in caplog.text
