"""What a container engine does with our Dockerfile, done here with chroot: the same lines in the same order in a clean root."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.image.lab.roots import Disk, Layers
from tests.support.dockerfile import last, lineage, read

ROOT = Path(__file__).resolve().parents[2]
STAGES = read(ROOT / "cloud_image" / "docker" / "Dockerfile")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STEP_SECONDS = 300
#: Enters a root with /dev and /proc of its own: ROOT COMMAND...
_ENTER = 'mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && ip link set lo up && root=$1 && shift && exec chroot "$@"'


class Builder:
    """Builds stages in `folder`, each as layers above the one that it is made from.

    `instead`: what is copied in place of files of the checkout; `arguments`: what the build is told.
    """

    def __init__(self, folder: Path, base: Layers, *, instead: Mapping[str, Path], arguments: Mapping[str, str]) -> None:
        self._folder = folder
        self._base = base
        self._instead = instead
        self._arguments = arguments
        self._built: dict[str, Layers] = {}

    def stage(self, name: str) -> Layers:
        """The stage's root. Raises AssertionError with what a line said that failed."""
        if name not in self._built:
            stage = STAGES[name]
            below = self.stage(stage.base) if stage.base in STAGES else self._base
            disk = Disk(self._folder / name, below)
            root = disk.mount()
            try:
                # The clean root is one of a machine; a container's has no systemd.
                (root / "usr/bin/systemctl").unlink(missing_ok=True)
                self._apply(root, stage.lines)
            finally:
                disk.unmount()
            self._built[name] = disk.freeze(self._folder / f"{name}-files")
        return self._built[name]

    def _apply(self, root: Path, lines: Sequence[tuple[str, str]]) -> None:
        told: dict[str, str] = {}
        for instruction, argument in lines:
            if instruction == "ARG":
                name, _, default = argument.partition("=")
                told[name] = self._arguments.get(name, default.strip('"'))
            elif instruction == "ENV":
                told |= environment(argument)
            elif instruction == "COPY":
                self._copy(root, argument, told)
            elif instruction == "RUN":
                done = inside(root, ["/bin/sh", "-c", argument], told)
                assert done.returncode == 0, f"RUN {argument}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"

    def _copy(self, root: Path, argument: str, told: Mapping[str, str]) -> None:
        words = re.sub(r"\$\{(\w+)\}", lambda match: told[match[1]], argument).split()
        modes = [int(word.removeprefix("--chmod="), 8) for word in words if word.startswith("--chmod=")]
        stages = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
        [source, destination] = [word for word in words if not word.startswith("--")]
        taken, target = self._instead.get(source, ROOT / source), root / destination.lstrip("/")
        if stages:
            taken = self.stage(stages[0]).folders[0] / source.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if taken.is_dir():
            left_out = None if stages else shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(taken, target, symlinks=True, dirs_exist_ok=True, ignore=left_out)
        else:
            shutil.copy(taken, target)
        for mode in modes:
            target.chmod(mode)


class Container:
    """A stage that was started: its entry point as its user, in a network of its own or in another's."""

    def __init__(self, name: str, disk: Disk, *, network_of: Container | None = None) -> None:
        self.name = name
        self.root = disk.root
        self._log = disk.folder / "log"
        entry = json.loads(last(STAGES, name, "ENTRYPOINT"))
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        command = ["nsenter", f"--net=/proc/{network_of.pid}/ns/net", *command] if network_of else [*command, "--net"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *command,
                    "bash",
                    "-c",
                    _ENTER,
                    "bash",
                    str(self.root),
                    f"--userspec={last(STAGES, name, 'USER')}",
                    *self._in(entry),
                ],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its outermost process, which is in its network."""
        return self._process.pid

    @property
    def said(self) -> str:
        """All that it printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def healthy(self, seconds: float) -> bool:
        """Whether its own health check finds it well within that time."""
        check = last(STAGES, self.name, "HEALTHCHECK")
        command = json.loads(check[check.index("CMD ") + 4 :])
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < deadline:
            done = subprocess.run(
                ["nsenter", f"--net=/proc/{self.pid}/ns/net", "chroot", self.root, *command],
                capture_output=True,
                timeout=20,
                check=False,
            )
            if done.returncode == 0:
                return True
            time.sleep(0.2)
        return False

    def curl(self, *arguments: str) -> str:
        """The status that a call from within its network gets."""
        command = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "curl", "--silent", "--insecure", "--output", "/dev/null"]
        done = subprocess.run(
            [*command, "--write-out", "%{http_code}", *arguments], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def stop(self, seconds: float) -> bool:
        """Whether it ends by itself within that time, once it was told to."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Ends it in any case."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        """To its first process, with which all others in it end. `unshare` cannot: who changes users forgets."""
        if self._process.poll() is None:
            for first in psutil.Process(self.pid).children():
                first.send_signal(number)

    def _in(self, entry: list[str]) -> list[str]:
        return [str(self.root), *entry]

    def _environment(self) -> dict[str, str]:
        told = {"PATH": PATH}
        for stage in reversed(lineage(STAGES, self.name)):
            for argument in stage.all("ENV"):
                told |= environment(argument)
        return told


def environment(argument: str) -> dict[str, str]:
    """What an ENV instruction sets."""
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S*)', argument)}


def inside(root: Path, command: Sequence[str], told: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command in a root, without a network: whatever it installs is there already."""
    return subprocess.run(
        [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--net",
            "bash",
            "-c",
            _ENTER,
            "bash",
            root,
            str(root),
            *command,
        ],
        env={"PATH": PATH, "HOME": f"{os.sep}root", **told},
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )
