"""`wakebrush-engine`: starts ComfyUI as this machine needs it, notes how it ended, and wipes the machine between two artists.

The first two are called by comfyui.service, the last by wakebrush-wipe.service.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cloud_image.errors import MachineError
from cloud_image.paths import Paths
from cloud_image.settings import load

from . import exits
from .flags import flags
from .hardware import hardware
from .trouble import Kind, explain
from .wipe import wipe

_JOURNAL = ("journalctl", "--unit", "comfyui", "--output", "cat", "--lines", "200", "--no-pager", "--boot")
_JOURNAL_SECONDS = 3.0
#: A unit's own deadline to stop is 10 s, after which it is killed.
_SYSTEMCTL_SECONDS = 30.0
_PURPOSES = {
    "run": "The engine cannot be started",
    "ended": "How the engine ended cannot be noted",
    "wipe": "The machine cannot be wiped",
}


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status. `run` does not return: the process becomes ComfyUI."""
    parser = argparse.ArgumentParser(prog="wakebrush-engine", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser("run", help="become ComfyUI")
    run_parser.add_argument("--print", action="store_true", dest="only_print", help="only print the command line")
    commands.add_parser("ended", help="note how it ended, from systemd's variables")
    commands.add_parser("wipe", help="wipe the machine for another artist, as the agent has asked")
    given = parser.parse_args(argv)
    paths = Paths(given.root)
    purpose = _PURPOSES[given.command]
    try:
        if given.command == "wipe":
            return 0 if wipe(paths, systemctl) else 1
        if given.command == "ended":
            ended(paths, os.environ, time.time(), journal)
        elif given.only_print:
            sys.stdout.write(" ".join(command_line(paths)) + "\n")
        else:
            run(paths, time.sleep, become)
    except (MachineError, OSError, ValueError) as flaw:
        sys.stderr.write(f"{purpose}: {flaw}\n")
        return 1
    return 0


def command_line(paths: Paths) -> list[str]:
    """How ComfyUI is started now. Raises SettingsError, OSError, ValueError."""
    last = exits.read(paths.engine_exit)
    frugal = last is not None and last.frugal
    chosen = flags(hardware(paths), load(paths.settings), paths, frugal=frugal, model_paths=paths.model_paths.is_file())
    return [str(paths.engine.parent / "venv/bin/python"), "main.py", *chosen]


def run(paths: Paths, sleep: Callable[[float], None], become: Callable[[Path, list[str]], None]) -> None:
    """Becomes ComfyUI, after a pause when it has failed several times in a row. Raises what command_line raises."""
    last = exits.read(paths.engine_exit)
    if last is not None and (seconds := exits.pause(last)):
        sys.stderr.write(f"The engine failed {last.streak} times in a row; it is tried again in {seconds:g} s.\n")
        sleep(seconds)
    for name in ("input", "output", "temp", "user"):
        (paths.engine_data / name).mkdir(parents=True, exist_ok=True)
    become(paths.engine, command_line(paths))


def become(folder: Path, line: list[str]) -> None:
    """This process is another program from now on, in that folder. Raises OSError."""
    os.chdir(folder)
    os.execv(line[0], line)


def ended(paths: Paths, variables: Mapping[str, str], now: float, journal: Callable[[], Sequence[str]]) -> None:
    """Writes paths.engine_exit. Raises OSError."""
    last = exits.read(paths.engine_exit)
    how = [variables.get(name, "") for name in ("SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS")]
    first = exits.following(last, now, *how, memory=False)
    memory = explain(first, journal()).kind in (Kind.MEMORY, Kind.GPU_MEMORY)
    exits.write(paths.engine_exit, exits.following(last, now, *how, memory=memory))


def systemctl(*words: str) -> None:
    """Tells systemd. Raises MachineError."""
    try:
        done = subprocess.run(("systemctl", *words), capture_output=True, text=True, timeout=_SYSTEMCTL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"systemd does not answer: {error}") from error
    if done.returncode != 0:
        raise MachineError(f"systemctl {' '.join(words)}: {done.stderr.strip()}")


def journal() -> list[str]:
    """The engine's last log lines; none when the journal does not answer in time."""
    try:
        said = subprocess.run(_JOURNAL, capture_output=True, timeout=_JOURNAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as silent:
        sys.stderr.write(f"The engine's log cannot be read, so only its exit status tells why it ended: {silent}\n")
        return []
    return said.stdout.decode(errors="replace").splitlines()


if __name__ == "__main__":
    sys.exit(main())
