"""A service whose one machine shows ComfyUI's web page, and the links that lead to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import requests

from tests.faults.machine import Machine
from tests.support.running_service import RunningService, eventually

#: For whatever the machine does, on two cores that other suites use too.
SECONDS = 60.0
#: Each sampling step takes so long: to be watched, and to be interrupted in the middle.
STEP_SECONDS = 0.1


class Studio:
    """`wakes` counts how often the machine has been woken; `link` leads an artist's browser to the page."""

    def __init__(self, folder: Path, front_end: Path, **settings: Any) -> None:
        practice = f"--front-end-root {front_end} --practice-pack --step-seconds {STEP_SECONDS}"
        ordinary = {"idle_seconds": 3600, "gateway_port": free_port(), "practice_args": practice}
        self.service = RunningService(folder, **(ordinary | settings))
        self.machine = Machine(self.service)
        self._front_end = front_end

    def sibling(self, folder: Path, **settings: Any) -> Studio:
        """Another service that knows what this one has read of its engine; its own machine was never awake."""
        sibling = Studio(folder, self._front_end, **settings)
        shutil.copytree(self.service.data / "mirror", folder / "mirror")
        sibling.service.start()
        return sibling

    def open(self) -> Studio:
        """Starts the service and lets its machine wake once, so that there is a copy of what it shows."""
        self.service.start()
        self.service.artist().generate()
        eventually(lambda: "are kept for when it sleeps" in self.service.log_tail(1000), SECONDS, "the copy of the page")
        # What a node pack answers is known once a page has asked it.
        assert requests.get(f"{self.link()}api/practice_pack/colours", timeout=SECONDS).ok
        return self

    def link(self, *, may_paint: bool = True) -> str:
        """A new link to the page, to paint with or to look at."""
        return self.service.link("gateway" if may_paint else "gateway_look") + "/"

    def restart_with(self, **settings: Any) -> None:
        """The same service with other settings."""
        if self.service.running:
            self.service.stop()
        self.service.settings |= settings
        self.service.restart()

    @property
    def state(self) -> str:
        """The machine's, as artists are told."""
        with self.service.artist() as artist:
            return str(artist.machines()[0]["state"])

    @property
    def wakes(self) -> int:
        return self.machine.starts()

    def fall_asleep(self) -> None:
        """As when the machine's own monitor finds that it has idled for long enough."""
        eventually(lambda: self.state in ("ready", "asleep"), SECONDS, "the end of what the machine did")
        if self.state == "ready":
            os.kill(self.machine.launcher_pid, signal.SIGTERM)
        self.until("asleep")

    def until(self, state: str) -> None:
        eventually(lambda: self.state == state, SECONDS, f"the machine's being {state}")


def free_port() -> int:
    """A port that nobody has: the service is to come back at the same one after it was killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
