"""Which models somebody uses: open or mapped by a process now, or read lately."""

from __future__ import annotations

import os
import re
from pathlib import Path

PROC = Path("/proc")
#: How late a file's time of access may be: Linux (relatime) writes it at most once a day.
ACCESS_TIME_LAG = 86_400.0
_PROCESS = re.compile(r"\d+")


def open_files(root: Path, proc: Path = PROC) -> set[Path]:
    """Files below `root` that a process holds open or has mapped. Needs root's rights to see everybody's."""
    above = f"{root}{os.sep}"
    found: set[str] = set()
    for process in proc.iterdir():
        if _PROCESS.fullmatch(process.name):
            found.update(path for path in (*_opened(process), *_mapped(process)) if path.startswith(above))
    return {Path(path) for path in found}


def _opened(process: Path) -> list[str]:
    paths = []
    try:
        for entry in (process / "fd").iterdir():
            try:
                paths.append(str(entry.readlink()))
            except FileNotFoundError:
                continue  # closed in this moment
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return paths  # it ended in this moment, or belongs to somebody whose files we may not see
    return paths


def _mapped(process: Path) -> list[str]:
    try:
        lines = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return [fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6]


def booted_at(proc: Path = PROC) -> float:
    """When this boot began (epoch seconds)."""
    for line in (proc / "stat").read_text(encoding="utf-8").splitlines():
        word, _, value = line.partition(" ")
        if word == "btime":
            return float(value)
    raise OSError("The kernel does not say when it booted.")
