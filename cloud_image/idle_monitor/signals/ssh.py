"""Who is on the machine over SSH. A session that nobody types into counts for a while only.

The last input of a terminal is its access time (so `w` knows how long somebody is idle). A session without a terminal (scp,
rsync, a tunnel) has input while its process moves data; its heartbeats do not count. Both are taken as "it has changed":
clocks can be set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..verdict import Said, Sign
from .base import Memory, Signal, seconds_text

#: The title that OpenSSH gives the process of a session; from 9.8 on it is a program of its own. `where`: `pts/0,pts/1` or
#: `notty`.
_SESSION = re.compile(r"^sshd(?:-session)?: (?P<user>[^@\s\[]+)@(?P<where>[^\s\0]+)")
#: Heartbeats are below a hundred bytes, a few times a minute.
_TRICKLE_BYTES, _TRICKLE_SECONDS = 4096, 60.0


@dataclass(slots=True)
class _Session:
    """`trace` is what changes with input, `counted_at` when it was last compared, `input_at` when there was some."""

    trace: int
    counted_at: float
    input_at: float


class SshSignal(Signal):
    """Busy while a session had input within `seconds`."""

    name = "ssh"

    def __init__(self, proc: Path, dev: Path, seconds: float) -> None:
        self._proc, self._dev, self._seconds = proc, dev, seconds
        self._sessions: dict[str, _Session] = {}

    def read(self, now: float) -> Sign:
        found = self._find()
        unseen = 0
        for key, (folder, terminals) in found.items():
            try:
                trace = max(self._last_read(name) for name in terminals) if terminals else _moved(folder)
            except OSError:
                unseen += 1
            else:
                self._sessions[key] = _followed(self._sessions.get(key), trace, now, steady=bool(terminals))
        self._sessions = {key: session for key, session in self._sessions.items() if key in found}
        if self._sessions:
            quiet = now - max(session.input_at for session in self._sessions.values())
            sentence = f"{_count(len(self._sessions))} over SSH, without input for {seconds_text(quiet)}."
            if quiet < self._seconds:
                return Sign(self.name, Said.BUSY, sentence, len(self._sessions))
        elif not unseen:
            return Sign(self.name, Said.IDLE, "Nobody is on it over SSH.")
        if unseen:
            return Sign(self.name, Said.MISSING, f"{_count(unseen)} over SSH, and nobody may see whether anybody types there.")
        return Sign(self.name, Said.IDLE, sentence)

    def memory(self) -> Memory:
        return {key: [s.trace, s.counted_at, s.input_at] for key, s in self._sessions.items()}

    def recall(self, memory: Memory) -> None:
        try:
            self._sessions = {str(key): _Session(int(t), float(c), float(i)) for key, (t, c, i) in memory.items()}
        except (AttributeError, TypeError) as flaw:
            raise ValueError("not a memory of sessions") from flaw

    def _find(self) -> dict[str, tuple[Path, list[str]]]:
        """Every session's process: a name that no other process ever has in this boot, its folder, its terminals."""
        found = {}
        for folder in self._proc.iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                title = _SESSION.match((folder / "cmdline").read_bytes().decode(errors="replace"))
                if title:
                    terminals = [name for name in title["where"].split(",") if name.startswith("pts/")]
                    found[f"{folder.name}:{_begun(folder)}"] = folder, terminals
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def _last_read(self, terminal: str) -> int:
        return (self._dev / terminal).stat().st_atime_ns


def _followed(known: _Session | None, trace: int, now: float, *, steady: bool) -> _Session:
    """A session after one more reading; `steady`: its trace changes with input only, and has no heartbeats."""
    if known is None or (trace != known.trace if steady else trace - known.trace >= _TRICKLE_BYTES):
        return _Session(trace, now, now)
    if now - known.counted_at >= _TRICKLE_SECONDS:
        return _Session(trace, now, known.input_at)
    return known


def _begun(folder: Path) -> str:
    """When the process began (22nd of proc_pid_stat(5)): numbers of processes are used again."""
    return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]


def _moved(folder: Path) -> int:
    """Bytes that the process has read and written."""
    lines = (folder / "io").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar:", "wchar:")))


def _count(sessions: int) -> str:
    return "1 session" if sessions == 1 else f"{sessions} sessions"
