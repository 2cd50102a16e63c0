"""The one machine of a service under test, seen from outside: its processes, and what its engine says of itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests

from tests.support.running_service import RunningService, eventually
from wake_service.providers.machine_folder import MachineFolder, MachineState


class Machine:
    """`local`, the machine of a service on this computer."""

    def __init__(self, service: RunningService) -> None:
        self._folder = MachineFolder(service.data / "machines" / "local")

    @property
    def state(self) -> MachineState:
        """What its launcher wrote down last."""
        state = self._folder.state()
        assert state is not None, "the machine has never run"
        return state

    @property
    def life(self) -> str:
        """From one start to the end of its engine; known also when the machine sleeps again."""
        return self.state.boot

    @property
    def engine_pid(self) -> int:
        assert self.state.engine_pid is not None, "no engine runs"
        return self.state.engine_pid

    @property
    def launcher_pid(self) -> int:
        assert self.state.launcher_pid is not None, "no launcher runs"
        return self.state.launcher_pid

    def kill_engine(self) -> None:
        """Ends the engine as the kernel does when memory runs out."""
        os.kill(self.engine_pid, signal.SIGKILL)

    def kill_launcher(self) -> None:
        """Ends the process that owns the engine."""
        os.kill(self.launcher_pid, signal.SIGKILL)

    @contextmanager
    def engine_frozen(self) -> Iterator[None]:
        """The engine lives and does not answer."""
        with _frozen(self.engine_pid):
            yield

    @contextmanager
    def launcher_frozen(self) -> Iterator[None]:
        """The launcher lives and does not obey: a stop that was ordered stays under way."""
        with _frozen(self.launcher_pid):
            yield

    def hangs(self) -> None:
        """Waits until its engine hangs in the middle of a picture, as it was told to, and has noted that it did so once."""
        eventually(lambda: self._logged("hang in step"), 20, "the hang in the engine's log")

    def starts(self) -> int:
        """How often its engine has been started, in all its lives."""
        log = self._folder.engine_log
        return log.read_text(encoding="utf-8").count("To see the GUI go to: ") if log.exists() else 0

    def prompts_given(self) -> int:
        """How many prompts its engine was given in its present life, or in its last one."""
        return self._logged("got prompt")

    def prompts_executed(self) -> int:
        """How many prompts that engine is done with, well or not; a moment later than it told of the last."""
        return self._logged("Prompt executed")

    def has_ended(self, count: int) -> None:
        """Waits until the engine is done with so many prompts. Nobody tells it while the service is dead, so it is asked."""
        eventually(lambda: len(self._history()) >= count, 20, f"the end of {count} prompts at the engine")

    def _history(self) -> dict[str, Any]:
        history: dict[str, Any] = requests.get(f"{self.state.address}/history", timeout=10).json()
        return history

    def _logged(self, words: str) -> int:
        """The log tells also of an engine that has nothing to do any more and was ended: nobody needs to be quick to ask."""
        lives = self._folder.engine_log.read_text(encoding="utf-8").split("To see the GUI go to: ")
        return lives[-1].count(words)


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it was killed meanwhile
            os.kill(pid, signal.SIGCONT)
