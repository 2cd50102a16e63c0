"""The one machine of a service under test, seen from outside: its processes, and what its engine says of itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
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

    def prompts_seen(self) -> set[str]:
        """Ids of all prompts that this life of the engine was ever given."""
        queue = self._ask("/queue")
        waiting = {item[1] for name in ("queue_running", "queue_pending") for item in queue[name]}
        return waiting | self.prompts_ended()

    def prompts_ended(self) -> set[str]:
        """Ids of the prompts that it is done with, well or not."""
        return set(self._ask("/history"))

    def has_ended(self, count: int) -> None:
        """Waits until the engine is done with so many prompts. Nobody tells it while the service is dead, so it is asked."""
        eventually(lambda: len(self.prompts_ended()) >= count, 20, f"the end of {count} prompts at the engine")

    def _ask(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(f"{self.state.address}{path}", timeout=10).json()
        return answer


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
