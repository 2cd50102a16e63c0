"""A practice engine that can only be reached over a wire, started like a ComfyUI: `main.py --listen ADDRESS --port N ...`.

SIGUSR1 cuts all connections; after SIGUSR2 the engine cannot be reached any more, though it lives.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from tests.faults.follower import Follower
from tests.faults.machine import Machine
from tests.faults.proxy import Wire

ROOT = Path(__file__).resolve().parents[2]
_MAIN = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.faults.engine_behind_wire import main
main()
"""
_STYLES = """
[[style]]
name = "practice-gouache"
title = "Gouache"
base = "sd15"
checkpoint = "practice-sd15.safetensors"
steps = 12
"""


class Trouble(Enum):
    """What can be done to the wire."""

    CUT = signal.SIGUSR1
    DOWN = signal.SIGUSR2


def start_behind_wire(start: Callable[..., Follower], folder: Path, practice_args: str, **settings: Any) -> Follower:
    """A service whose machine is such an engine, and an artist who listens."""
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").write_text(_MAIN)
    (folder / "styles.toml").write_text(_STYLES)
    return start(
        comfyui_folder=folder,
        comfyui_python=sys.executable,
        engine_args=f"--directory {folder / 'files'} {practice_args}",
        styles_file=folder / "styles.toml",
        **settings,
    )


def make(trouble: Trouble, machine: Machine) -> None:
    """Does something to the wire of a machine's engine."""
    os.kill(machine.engine_pid, trouble.value)


def main() -> None:
    """Starts engine and wire, and obeys signals until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--listen")
    parser.add_argument("--disable-auto-launch", action="store_true")
    given, rest = parser.parse_known_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
    command = [sys.executable, "-m", "wake_service.practice_engine", *rest]
    engine = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=unblock)
    assert engine.stdout is not None
    address = engine.stdout.readline().rpartition("/")[2].strip()
    host, _, port = address.partition(":")
    with Wire((host, int(port)), given.port) as wire:
        print(f"To see the GUI go to: {wire.endpoint}", flush=True)
        while (number := signal.sigwait({signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})) is not signal.SIGTERM:
            wire.cut() if number is signal.SIGUSR1 else wire.go_down()
    engine.terminate()
    engine.wait()


def unblock() -> None:
    """In a child: signals end it again that its parent waits for."""
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
