"""A practice engine in a process of its own, as the service starts it."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
ANNOUNCEMENT = "To see the GUI go to: "


class PracticeProcess:
    """Started with `arguments`; `url` is known once `wait_until_listening` has returned."""

    def __init__(self, directory: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.url = ""
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "engine.log"
        command = [sys.executable, "-m", "wake_service.practice_engine", "--directory", str(directory), *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, env=os.environ | (environment or {})
            )

    def wait_until_listening(self, seconds: float = 30.0) -> PracticeProcess:
        """Waits for the line with the address; AssertionError when it does not come in time."""
        line = self.first_line(seconds)
        assert line.startswith(ANNOUNCEMENT), f"{line!r} announces no address; the log says:\n{self.log.read_text()}"
        self.url = line.removeprefix(ANNOUNCEMENT).strip()
        return self

    def first_line(self, seconds: float) -> str:
        """The next line on standard output; empty when none comes in time."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline().decode() if selector.select(seconds) else ""

    def wait_until_logged(self, text: str, seconds: float = 30.0) -> None:
        """Waits for a line of its log; AssertionError when it does not come in time, or the engine ends first."""
        deadline = time.monotonic() + seconds
        while text not in (log := self.log.read_text()):
            assert self.process.poll() is None, f"The engine ended without saying {text!r}:\n{log}"
            assert time.monotonic() < deadline, f"The engine never said {text!r}:\n{log}"
            time.sleep(0.02)

    def stop(self, seconds: float = 10.0) -> int:
        """Ends it in order, or by force when it does not; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(seconds)
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()

    def wait_for_end(self, seconds: float = 20.0) -> int:
        """Its exit status once it has ended by itself (negative: the signal that ended it)."""
        deadline = time.monotonic() + seconds
        status = self.process.wait(max(0.0, deadline - time.monotonic()))
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status
