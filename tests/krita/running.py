"""A Krita that runs, with a profile of its own, and answers the suite's questions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .display import Hand, Waited, a_screen, wait_for
from .kritas import SHARED, KritaVersion

DRIVER = Path(__file__).parent / "driver"
START_SECONDS = 300


class InsideKrita(AssertionError):
    """A step failed inside Krita; the message is its traceback there."""


class Profile:
    """A home folder as a new user has it, with the test driver in it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @classmethod
    def fresh(cls) -> Profile:
        profile = cls(Path(tempfile.mkdtemp(prefix="wakebrush-krita-", dir=SHARED)))
        shutil.copytree(DRIVER, profile.pykrita, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for folder in (".config", "tmp", "run"):
            (profile.home / folder).mkdir(mode=0o700)
        (profile.home / ".config/kritarc").write_text("[python]\nenable_wakebrush_test_driver=true\n")
        # The plain canvas is the predictable one: no OpenGL driver, and no question about it.
        (profile.home / ".config/kritadisplayrc").write_text("[General]\nOpenGLRenderer=none\ncanvasState=OPENGL_SUCCESS\n")
        return profile

    @property
    def pykrita(self) -> Path:
        return self.home / ".local/share/krita/pykrita"

    @property
    def data(self) -> Path:
        """Where programs keep the user's data."""
        return self.home / ".local/share"

    @contextmanager
    def lent(self) -> Iterator[Profile]:
        """Another home with the same content, for a while: nobody else sees what a Krita leaves behind there."""
        target = Profile(Path(tempfile.mkdtemp(prefix="wakebrush-krita-", dir=SHARED)))
        left_behind = shutil.ignore_patterns("tmp", "run", "*.sock", "krita.log")
        try:
            shutil.copytree(self.home, target.home, dirs_exist_ok=True, symlinks=True, ignore=left_behind)
            for folder in ("tmp", "run"):
                (target.home / folder).mkdir(mode=0o700)
            yield target
        finally:
            target.remove()

    def remove(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)  # a Krita that was killed may still write


class RunningKrita:
    """One Krita process. `ask("module.function", …)` runs that step of the driver in its GUI thread."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket, hand: Hand, log: Path) -> None:
        self.process = process
        self.hand = hand
        self.log = log
        self._connection = connection
        self._answers = connection.makefile("rb")

    def ask(self, step: str, **arguments: Any) -> Any:
        """What the step returns. Exceptions nobody caught inside Krita since the last step fail the test too."""
        self._connection.sendall(json.dumps({"call": step, "args": arguments}).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise InsideKrita(f"Krita went away during {step}:\n{self.log_tail()}")
        answer = json.loads(line)
        if "error" in answer:
            raise InsideKrita(f"{step}({arguments}) failed in Krita:\n{answer['error']}")
        if answer["errors"]:
            raise InsideKrita("Uncaught in Krita:\n" + "\n".join(answer["errors"]))
        return answer["value"]

    def until(self, step: str, what: str, accept=bool, seconds: float = 30.0, **arguments: Any) -> Any:
        """Asks again and again until the answer is accepted; returns it."""
        seen: list[Any] = [None]

        def look() -> bool:
            seen[0] = self.ask(step, **arguments)
            return bool(accept(seen[0]))

        try:
            wait_for(look, what, seconds)
        except Waited as error:
            raise Waited(f"Waited {seconds:.0f} s in vain for {what}; last: {seen[0]!r}") from error
        return seen[0]

    def screenshot(self, target: Path) -> None:
        """The whole screen as a PNG file; by way of the profile, since a root sees nothing else of this computer."""
        taken = self.log.with_name("screen.png")
        self.ask("window.screenshot", path=str(taken))
        shutil.copy(taken, target)

    def hang_up(self) -> None:
        """Ends the conversation; Krita goes on by itself."""
        self._answers.close()
        self._connection.close()

    def wait_for_exit(self, seconds: float = 30.0) -> int:
        """The exit code; negative when a signal ended it."""
        return self.process.wait(seconds)

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def complaints(self) -> list[str]:
        """What Krita's log says of a broken plugin, or of a structural change at the wrong moment, with the lines that follow."""
        signs = ("Error loading plugin", "Could not import", "SAFE ASSERT", "Traceback (most recent call last)")
        lines = self.log.read_text(errors="replace").splitlines()
        return ["\n".join(lines[at : at + 30]) for at, line in enumerate(lines) if any(sign in line for sign in signs)]


@contextmanager
def running_krita(version: KritaVersion, profile: Profile, **environment: str) -> Iterator[RunningKrita]:
    """Starts Krita on a screen of its own and waits for its window. Ends it if the test has not done so."""
    with a_screen() as display:
        log = profile.home / "krita.log"
        address = profile.home / "test.sock"
        address.unlink(missing_ok=True)
        # A clean environment: the suite's virtual environment must not reach Krita's Python, and without LC_ALL that is ASCII.
        variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(profile.home),
            "TMPDIR": str(profile.home / "tmp"),
            "XDG_RUNTIME_DIR": str(profile.home / "run"),
            "DISPLAY": display,
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONFAULTHANDLER": "1",
            "WAKEBRUSH_TEST_SOCKET": str(address),
            **environment,
        }
        assignments = [f"{name}={value}" for name, value in variables.items()]
        command = [*version.command(), "env", "-i", *assignments, "krita", "--nosplash"]
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
        krita = None
        try:
            krita = RunningKrita(process, _connect(process, address, log), Hand(display), log)
            krita.until("window.is_up", "Krita's window", seconds=START_SECONDS)
            krita.hand.focus(krita.ask("window.fill_screen"))
            yield krita
            if process.poll() is None:
                krita.ask("window.leave")
                krita.wait_for_exit()
        finally:
            if krita is not None:
                krita.hang_up()
            _end(process)


def _connect(process: subprocess.Popen[bytes], address: Path, log: Path) -> socket.socket:
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(address))
        except OSError:
            connection.close()
            if process.poll() is not None or time.monotonic() > deadline:
                state = "ended" if process.poll() is not None else "is not there"
                raise RuntimeError(f"Krita {state}:\n{log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.05)
        else:
            connection.settimeout(180)
            return connection


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
