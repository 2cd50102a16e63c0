"""`wakebrush serve` as a process of its own, which a test may kill and start again on the same data."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from tests.support.artist import Artist

#: The command as `pip install` makes it.
WAKEBRUSH = str(Path(sys.executable).with_name("wakebrush"))
READY_SECONDS = 30.0
STOP_SECONDS = 20.0


class RunningService:
    """One service on one data folder. `settings` become `WAKEBRUSH_NAME=value`; port and address are the system's choice.
    `environment` replaces this process's.

    After `start`, `endpoint`, `gateway`, `token` and `pid` are those it announced. `log` keeps what all its lives printed.
    """

    def __init__(self, data: Path, *, environment: Mapping[str, str] | None = None, **settings: str | float | int) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self.settings = dict(settings)
        self._gateway_port = str(settings.get("gateway_port", 0))
        self._outer = os.environ if environment is None else environment
        self.endpoint = ""
        self.gateway = ""
        self.token = ""
        self.pid = 0
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._artists: list[Artist] = []

    def start(self) -> RunningService:
        """Starts it and returns when it has said where it listens. Raises AssertionError with its log when it does not."""
        assert self._process is None, "it runs already"
        self.data.mkdir(parents=True, exist_ok=True)
        announced: queue.Queue[dict[str, Any] | None] = queue.Queue()
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [WAKEBRUSH, "serve", "--data", str(self.data), "--port", "0", "--gateway-port", self._gateway_port, "--announce"],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout, announced), daemon=True)
        self._reader.start()
        try:
            said = announced.get(timeout=READY_SECONDS)
        except queue.Empty:
            said = None
        if said is None:
            self.kill()
            raise AssertionError(f"the service did not announce itself.\n{self.log_tail()}")
        self.endpoint, self.gateway, self.pid = said["endpoint"], said["gateway"], said["pid"]
        self.token = Path(said["token_file"]).read_text(encoding="utf-8").strip()
        return self

    def kill(self) -> None:
        """Ends the service at once, as a power cut does; its machines live on."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it in order."""
        self._end(signal.SIGTERM)

    def restart(self) -> RunningService:
        """A new life on the same data. The port may be another."""
        return self.start()

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def artist(self, token: str | None = None) -> Artist:
        """Somebody who calls it; by default with the token of this computer."""
        artist = Artist(self.endpoint, self.token if token is None else token)
        self._artists.append(artist)
        return artist

    def link(self, scope: str = "gateway") -> str:
        """The gateway's address for a ComfyUI client of this computer's artist, with a new token in its path."""
        created = self.command("token", "create", "--scope", scope, "--days", "0.5")
        assert created.returncode == 0, created.stderr
        return f"{self.gateway}/t/{created.stdout.strip()}"

    def command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `wakebrush ARGUMENTS` on the same data."""
        return subprocess.run(
            [WAKEBRUSH, *arguments],
            env=self._environment() | {"WAKEBRUSH_DATA": str(self.data), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def engines(self) -> list[psutil.Process]:
        """Processes of its practice machines' engines that live now."""
        return [process for process in self.processes() if "wake_service.practice_engine" in process.info["cmdline"]]

    def clean_up(self) -> None:
        """Ends the service and every machine it left running."""
        for artist in self._artists:
            artist.close()
        if self._process is not None:
            self.kill()
        left = self.processes()
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=10)

    def log_tail(self, lines: int = 60) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def processes(self) -> list[psutil.Process]:
        """Whatever runs with this data folder on its command line: only tests of this folder start such."""
        found = psutil.process_iter(["cmdline"])
        return [process for process in found if any(str(self.data) in word for word in process.info["cmdline"] or ())]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in self._outer.items() if not name.startswith(("WAKEBRUSH_", "KRITA_AI_"))}
        own = {f"WAKEBRUSH_{name.upper()}": str(value) for name, value in self.settings.items()}
        return inherited | {"PYTHONUNBUFFERED": "1", "XDG_DATA_HOME": str(self.data / "home")} | own

    def _read(self, stdout: IO[str], announced: queue.Queue[dict[str, Any] | None]) -> None:
        with stdout, self.log.open("a", encoding="utf-8") as log:
            for line in stdout:
                log.write(line)
                log.flush()
                if line.startswith("{"):
                    announced.put(json.loads(line))
        announced.put(None)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None, "it does not run"
        process.send_signal(how)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the service did not end within {STOP_SECONDS} s.\n{self.log_tail()}") from None
        finally:
            if self._reader is not None:
                self._reader.join(timeout=5)


def eventually(condition: Any, seconds: float = 10.0, what: str = "it") -> None:
    """Waits for something outside every event stream (a process that ends); raises AssertionError at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
