"""A machine's folder on this computer: what its launcher was told, what became of it, and which of them still live.

Who lives is told by file locks, which the kernel lets go of with the process: `alive.lock` is held by the launcher, `engine.lock`
by the engine, `start.lock` during a start. Process ids are only signalled while the lock proves whose they are.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wake_service.providers.base import BootStage, Power, Sighting

ALIVE = "alive.lock"
ENGINE = "engine.lock"
START = "start.lock"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a launcher keeps to.

    `grace`: seconds from SIGTERM to SIGKILL; `lonely`: seconds without any service after which it stops by itself;
    `log_bytes`: the most that each of its two log files holds.
    """

    grace: float
    lonely: float
    log_bytes: int


@dataclass(frozen=True, slots=True)
class Launch:
    """What a launcher is told. `wiped`: the folders that a hand-over empties."""

    boot: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    limits: Limits
    wiped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineState:
    """What a launcher says of its machine, in the state file and on its socket."""

    boot: str
    power: Power
    stage: BootStage | None = None
    address: str | None = None
    message: str | None = None
    socket: str | None = None
    launcher_pid: int | None = None
    engine_pid: int | None = None

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> MachineState:
        """Reads what `to_json` wrote, also that of a later version, which may say more. Raises ValueError."""
        try:
            known = cls.__dataclass_fields__
            fields: dict[str, Any] = {name: value for name, value in dict(json.loads(line)).items() if name in known}
            fields["power"] = Power(fields["power"])
            fields["stage"] = BootStage(fields["stage"]) if fields.get("stage") else None
            return cls(**fields)
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a machine's state: {error}") from error

    def sighting(self, machine_id: str, at: float) -> Sighting:
        """The same, as a provider says it."""
        return Sighting(machine_id, self.power, at, self.stage, self.address, self.boot, self.message)


class MachineFolder:
    """Files of one machine, readable by this user only. All verbs are quick file operations."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def engine_log(self) -> Path:
        """What the engine prints; the part before is in `engine.log.1`."""
        return self.path / "engine.log"

    @property
    def launcher_log(self) -> Path:
        """What the launcher itself complains of, of the last start only."""
        return self.path / "launcher.log"

    def make(self) -> None:
        """Makes the folder where it lacks."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def state(self) -> MachineState | None:
        """The last state written; None for a machine that never ran, or when the file cannot be understood."""
        try:
            return MachineState.from_json((self.path / "machine.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def write_state(self, state: MachineState) -> None:
        """Replaces the state."""
        self._replace("machine.json", state.to_json())

    def launch(self) -> Launch:
        """What the launcher was told last."""
        fields = json.loads((self.path / "launch.json").read_bytes())
        fields |= {"argv": tuple(fields["argv"]), "wiped": tuple(fields.get("wiped", ()))}
        return Launch(**{**fields, "limits": Limits(**fields["limits"])})

    def write_launch(self, launch: Launch) -> None:
        """Leaves word for the next launcher."""
        self._replace("launch.json", json.dumps(asdict(launch)))

    def acquire(self, lock: str) -> int:
        """Waits for a lock and gives the file that holds it; whoever inherits the file holds the lock too."""
        handle = os.open(self.path / lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def acquire_anew(self, lock: str) -> int:
        """`acquire` on a new file: what still holds the old one (a stray child of an engine that ended) is in nobody's way."""
        (self.path / lock).unlink(missing_ok=True)
        return self.acquire(lock)

    @contextmanager
    def holding(self, lock: str) -> Iterator[int]:
        """`acquire` and let go."""
        handle = self.acquire(lock)
        try:
            yield handle
        finally:
            os.close(handle)

    def held(self, lock: str) -> bool:
        """Whether a process holds a lock now."""
        try:
            handle = os.open(self.path / lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def released(self, lock: str, within: float) -> bool:
        """Waits up to so many seconds for a process that is ending to let go of a lock; whether it did. Belongs in a thread."""
        until = time.monotonic() + within
        while self.held(lock):
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def _replace(self, name: str, text: str) -> None:
        temporary = self.path / f".{name}.{os.getpid()}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.rename(self.path / name)
