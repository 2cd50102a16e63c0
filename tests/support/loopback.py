"""`wakebrush connect` as a process of its own, in front of a running service's gateway."""

from __future__ import annotations

import re
import signal
import subprocess
from types import TracebackType

from tests.support.running_service import WAKEBRUSH, RunningService

STOP_SECONDS = 10.0


class LoopbackPort:
    """One port while the block lasts. `said` is the line in which it told where it listens, `port` its number."""

    def __init__(self, service: RunningService, *arguments: str) -> None:
        self._command = [WAKEBRUSH, "connect", "--data", str(service.data), "--port", "0", *arguments]
        self.said = ""
        self.port = 0

    def __enter__(self) -> LoopbackPort:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline()
        found = re.search(r" at http://127\.0\.0\.1:(\d+)\.", self.said)
        if found is None:
            self._process.kill()
            raise AssertionError(f"the port did not open: {self.said}{self._process.communicate()[1]}")
        self.port = int(found[1])
        return self

    @property
    def url(self) -> str:
        """Where a client on this computer finds ComfyUI."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> tuple[int, str]:
        """Ends it as Ctrl+C does: its exit code, and what else it printed."""
        self._process.send_signal(signal.SIGINT)
        out, err = self._process.communicate(timeout=STOP_SECONDS)
        return self._process.returncode, out + err

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
