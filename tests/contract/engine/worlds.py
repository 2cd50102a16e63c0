"""Where a client may find ComfyUI's protocol: at an engine itself, or at the gateway in front of one.

Whatever the world, a test begins with the same words to the same kind of address.
"""

from __future__ import annotations

import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import requests

from tests.faults.front import fronted
from tests.faults.machine import Machine
from tests.support.artist import Artist
from tests.support.running_service import RunningService, eventually
from wake_service.providers.base import Power

from . import graphs
from .process import PracticeProcess

#: Where a real ComfyUI is, or nothing.
REAL = os.environ.get("COMFYUI_URL", "").rstrip("/")
#: How often the machine of a killed world is killed before it may finish a prompt.
KILLS = 2


class World:
    """One of them. `url` is where a client is pointed; `gateway` whether Wakebrush stands there.

    `steady`: a machine is awake at the first request and stays so. Where it sleeps, the engine's verdict on a prompt comes with
    its end instead of its answer.
    """

    url = ""
    gateway = False
    steady = True
    service: RunningService | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Brings it about."""

    def before_each(self) -> None:
        """Brings it into the state in which every test begins."""

    def close(self) -> None:
        """Leaves nothing of it behind."""


class Practice(World):
    """The practice engine itself."""

    def open(self) -> None:
        self._process = PracticeProcess(self.folder, "--practice-pack").wait_until_listening()
        self.url = self._process.url

    def close(self) -> None:
        assert self._process.stop() == 0, self._process.log.read_text()


class Real(World):
    """A real ComfyUI itself."""

    url = REAL


class Awake(World):
    """The gateway, with a machine that is awake all the time."""

    gateway = True

    def open(self) -> None:
        settings = {"idle_seconds": 3600, "wish_seconds": 0.5, "practice_args": "--practice-pack"} | self.more_settings()
        self.service = RunningService(self.folder / "service", **settings).start()
        self.artist: Artist = self.service.artist()
        self.machine = Machine(self.service)
        self.url = self.service.link()
        self.wake()

    def more_settings(self) -> dict[str, Any]:
        """Settings that depend on the folder."""
        return {}

    def wake(self) -> None:
        """Wakes the machine if it sleeps. A prompt does: the wish to paint would keep it awake for longer than wanted."""
        if self.state() != "asleep":
            return
        asked = requests.post(f"{self.url}/prompt", json={"prompt": graphs.plain(colour=0)}, timeout=30).json()
        history = f"{self.url}/history/{asked['prompt_id']}"
        eventually(lambda: requests.get(history, timeout=30).json(), 30, "the end of the prompt that wakes the machine")

    def state(self) -> str:
        """The machine's, as artists are told."""
        return str(self.artist.machines()[0]["state"])

    def before_each(self) -> None:
        self.wake()

    def close(self) -> None:
        if self.service is not None:
            self.service.clean_up()


class Asleep(Awake):
    """The gateway, with a machine that sleeps until the test wakes it."""

    steady = False

    def before_each(self) -> None:
        eventually(self._fell_asleep, 60, "the machine's falling asleep")

    def _fell_asleep(self) -> bool:
        """Whether it sleeps. Once it has nothing to do it is stopped, as its own idle monitor does."""
        if (state := self.state()) == "ready" and self.machine.state.power is Power.RUNNING:
            os.kill(self.machine.launcher_pid, signal.SIGTERM)
        return state == "asleep"


class Killed(Awake):
    """The gateway, with a machine whose engine is killed twice in the middle of the test's first prompt."""

    steady = False
    #: What the service has just heard when the engine is killed.
    moment = '"execution_start"'

    def more_settings(self) -> dict[str, Any]:
        self.kills = self.folder / "kills"
        return fronted(self.folder, f"--practice-pack --kill-at {self.moment} --kills {self.kills}")

    def before_each(self) -> None:
        self.wake()
        self.kills.write_text(str(KILLS))

    @property
    def kills_left(self) -> int:
        """How many are still to come."""
        return int(self.kills.read_text())


class RealBehindGateway(Asleep):
    """The gateway in front of a real ComfyUI: the machine is a wire to it, and sleeps until the test wakes it."""

    def more_settings(self) -> dict[str, Any]:
        return fronted(self.folder, f"--target {REAL}")


WORLDS: dict[str, type[World]] = {"practice": Practice, "awake": Awake, "asleep": Asleep, "killed": Killed}
if REAL:
    WORLDS |= {"comfyui": Real, "comfyui-gateway": RealBehindGateway}


def real_has(path: str) -> bool:
    """Whether the real ComfyUI answers a route."""
    try:
        with urllib.request.urlopen(REAL + path, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
