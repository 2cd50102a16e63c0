"""What a machine runs in place of a ComfyUI: a wire to one that runs elsewhere, or to a practice engine that is killed.

`--kill-at TEXT --kills FILE`: as soon as TEXT has passed from the engine to the service, everything ends as by SIGKILL, as often
as FILE says, which counts down.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.faults.engine_behind_wire import ROOT, unblock
from tests.faults.proxy import Wire

_MAIN = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.faults.front import main
main()
"""


_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def fronted(folder: Path, arguments: str) -> dict[str, Any]:
    """Settings of a service whose machine runs this with these arguments, and keeps its files in `folder`."""
    (folder / "front" / "comfy").mkdir(parents=True)
    (folder / "front" / "main.py").write_text(_MAIN)
    return {
        "comfyui_folder": folder / "front",
        "comfyui_python": sys.executable,
        "engine_args": f"--directory {folder / 'files'} {arguments}",
    }


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
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=_end_with_parent)


def _end_with_parent() -> None:
    """A front that is killed takes its engine along: whoever cleans up knows the front alone."""
    unblock()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _announced(engine: subprocess.Popen[str]) -> str:
    """Where the engine listens."""
    return engine.stdout.readline().removeprefix("To see the GUI go to: ").strip()


def _counted_down(file: Path) -> bool:
    """Whether there is one kill more to come; takes it."""
    left = int(file.read_text()) if file.exists() else 0
    if left:
        file.write_text(str(left - 1))
    return left > 0
