"""What a machine runs in place of a ComfyUI: a wire to one that runs elsewhere, or to a practice engine that is killed.

`--kill-at TEXT --kills FILE`: as soon as TEXT has passed from the engine to the service, everything ends as by SIGKILL, as often
as FILE says, which counts down.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.engine_behind_wire import unblock
from tests.faults.proxy import Wire

from .process import ROOT


def main() -> None:
    """Starts engine and wire; ends in order on SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--listen")
    parser.add_argument("--disable-auto-launch", action="store_true")
    parser.add_argument("--target")
    parser.add_argument("--kill-at")
    parser.add_argument("--kills", type=Path)
    given, rest = parser.parse_known_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    engine = None if given.target else _practice_engine(rest)
    address = urlsplit(given.target or _announced(engine))

    def watch(data: bytes) -> None:
        if given.kill_at and given.kill_at.encode() in data and _counted_down(given.kills):
            engine.kill()
            os.kill(os.getpid(), signal.SIGKILL)

    with Wire((address.hostname, address.port), given.port, watch) as wire:
        print(f"To see the GUI go to: {wire.endpoint}", flush=True)
        signal.sigwait({signal.SIGTERM})
    if engine is not None:
        engine.terminate()
        engine.wait()


def _practice_engine(arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "wake_service.practice_engine", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=unblock)


def _announced(engine: subprocess.Popen[str]) -> str:
    """Where the engine listens."""
    return engine.stdout.readline().removeprefix("To see the GUI go to: ").strip()


def _counted_down(file: Path) -> bool:
    """Whether there is one kill more to come; takes it."""
    left = int(file.read_text()) if file.exists() else 0
    if left:
        file.write_text(str(left - 1))
    return left > 0
