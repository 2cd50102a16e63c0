"""What the monitor does to the machine and to the cloud: it stops the one, and tells the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..errors import CloudError, MachineError

#: systemd and the cloud answer within a second or two, or something is wrong with them.
SECONDS = 30.0


class Report(Protocol):
    """A report that is on its way."""

    def finish(self) -> str:
        """A sentence when it did not arrive; waits a little if it has to."""


class World(Protocol):
    """Everything that a monitor does. Nothing of it waits for longer than a minute."""

    def power_off(self) -> None:
        """Asks the machine to stop in order. Raises MachineError when it refuses; else it is a matter of seconds."""

    def stop_from_outside(self) -> None:
        """Has the cloud stop the machine. Raises MachineError."""

    def power_off_at_once(self) -> None:
        """Stops the machine without waiting for anything that runs on it. Raises MachineError."""

    def stopping(self) -> bool:
        """Whether the machine is stopping already."""

    def report(self, busy: bool) -> Report:
        """Begins to tell the cloud's alarm."""


class SystemWorld(World):
    """systemd, and `wakebrush-cloud` for what the cloud is told: it loads a large library, so it is not ours to import."""

    def __init__(self, *, systemctl: str = "systemctl", helper: Sequence[str] = (), seconds: float = SECONDS) -> None:
        self._systemctl = systemctl
        self._helper = helper or [str(Path(sys.executable).with_name("wakebrush-cloud"))]
        self._seconds = seconds

    def power_off(self) -> None:
        self._run([self._systemctl, "poweroff"])

    def stop_from_outside(self) -> None:
        self._run([*self._helper, "stop"])

    def power_off_at_once(self) -> None:
        self._run([self._systemctl, "poweroff", "--force"])

    def stopping(self) -> bool:
        try:
            found = subprocess.run(
                [self._systemctl, "is-system-running"], capture_output=True, text=True, timeout=self._seconds, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return found.stdout.strip() == "stopping"

    def report(self, busy: bool) -> Report:
        command = [*self._helper, "busy", "1" if busy else "0"]
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except OSError as error:
            return _Failed(f"{_UNTOLD} {command[0]} cannot be run: {error}.")
        return _Running(process, min(self._seconds, _GRACE_SECONDS))

    def _run(self, command: Sequence[str]) -> None:
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=self._seconds, check=False)
        except OSError as error:
            raise MachineError(f"{command[0]} cannot be run: {error}.") from error
        except subprocess.TimeoutExpired as error:
            raise CloudError(f"{' '.join(command)} did not end within {self._seconds:g} s.", passing=True) from error
        if ended.returncode:
            raise MachineError(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr.strip()}")


_UNTOLD = "The cloud's alarm was not told whether the machine is busy, and may stop it after a while."
#: A report has had the time of a whole sample; so much more does not yet count as a time in which nobody watched.
_GRACE_SECONDS = 10.0


class _Running(Report):
    def __init__(self, process: subprocess.Popen[bytes], patience: float) -> None:
        self._process, self._patience = process, patience

    def finish(self) -> str:
        try:
            _, said = self._process.communicate(timeout=self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return f"{_UNTOLD} The call did not end in time."
        if self._process.returncode:
            return f"{_UNTOLD} {said.decode(errors='replace').strip()}"
        return ""


class _Failed(Report):
    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def finish(self) -> str:
        return self._sentence
