"""One container with systemd as its first process, which boots, halts and powers itself off as a machine does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.image.lab.leftovers import Leftovers

#: Puts itself into some control groups, then becomes a command: `N GROUP... COMMAND...`.
_ENTER_AND_RUN = 'n=$1; shift; while ((n-- > 0)); do echo $$ >"$1"; shift; done; exec "$@"'
_POWER_OFF = signal.SIGRTMIN + 4
BOOT_SECONDS = 60.0
HALT_SECONDS = 60.0


class Container:
    """A root file system that can be booted. `console` is what it printed in all its boots."""

    def __init__(self, name: str, root: Path, leftovers: Leftovers) -> None:
        self.name = name
        self.root = root
        self.console = leftovers.folder / f"{name}.console"
        self._leftovers = leftovers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self._process is not None and self._process.poll() is None

    def start(self, network: str, shown: Mapping[Path, str] | None = None) -> int:
        """Switches it on, in the network namespace at a path; it boots from then on. Gives the number of its outer process.

        `shown` are folders of this computer that it may read, each with its path inside.
        """
        command = ["systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.name}", "--register=no"]
        command += ["--keep-unit", "--resolv-conf=off", "--link-journal=no", "--timezone=off", "--console=pipe"]
        command += [f"--network-namespace-path={network}", "--capability=CAP_NET_ADMIN"]
        command += [f"--bind-ro={folder}:{inside}" for folder, inside in (shown or {}).items()]
        command.append("--boot")
        enter = [str(group / "cgroup.procs") for group in self._leftovers.enter(self.name)]
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                ["bash", "-c", _ENTER_AND_RUN, "bash", str(len(enter)), *enter, *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        return self._process.pid

    def wait_for_end(self, seconds: float | None = None) -> bool:
        """Whether it is off within that time; None waits for ever."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._leftovers.leave(self.name)
        return True

    def halt(self) -> None:
        """Presses its power button."""
        if (leader := self._leader()) is not None:
            os.kill(leader, _POWER_OFF)
        else:
            self.kill()  # nothing of it is there yet that would hear a button

    def kill(self) -> None:
        """Pulls its plug."""
        if self._process is not None:
            self._leftovers.kill(self.name)

    def run(self, *command: str, user: str | None = None, check: bool = True, seconds: float = 60.0) -> str:
        """What a command prints, run by the container's own first process and so with its rights, not with this computer's.

        Raises CalledProcessError with what it said, unless `check` is off.
        """
        done = self.result(*command, user=user, seconds=seconds)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def result(self, *command: str, user: str | None = None, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """How a command ended that was run so."""
        who = [f"--uid={user}"] if user else []
        service = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec", *who, "--", *command]
        return self._enter(service, seconds)

    def until_booted(self, seconds: float = BOOT_SECONDS) -> str:
        """`running` or `degraded`, once everything that is started at a boot has been. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        said = ""
        while time.monotonic() < deadline and self.running:
            if self._leader() is not None:
                said = self._enter(["systemctl", "is-system-running"], 10).stdout.strip()
                if said in ("running", "degraded"):
                    return said
            time.sleep(0.1)
        raise AssertionError(f"{self.name} did not boot in {seconds} s ({said or 'off'}): {self.last_words()}")

    def last_words(self, lines: int = 30) -> str:
        """The end of its console."""
        text = self.console.read_text(encoding="utf-8", errors="replace") if self.console.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _enter(self, command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        leader = self._leader()
        if leader is None:
            raise AssertionError(f"{self.name} is off.")
        inside = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--root", "--wd"]
        return subprocess.run(
            [*inside, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )

    def _leader(self) -> int | None:
        """Its first process, as this computer numbers it, once it is in namespaces of its own."""
        if self._process is None or self._process.poll() is not None:
            return None
        try:
            children = psutil.Process(self._process.pid).children()
            found = [child.pid for child in children if child.name() == "systemd"]
        except psutil.NoSuchProcess:
            return None
        return found[0] if found else None
