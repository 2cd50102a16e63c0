"""Tells systemd that the agent is ready, and that it lives: only while its loop and all its watches do.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

from .clock import Clock

log = logging.getLogger(__name__)


class Pulse:
    """Who lives: each watch beats, and is taken for dead after its own number of seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}
        self._seconds: dict[str, float] = {}

    def watch(self, name: str, seconds: float) -> None:
        """From now on `name` has to beat at least so often."""
        self._seconds[name] = seconds
        self.beat(name)

    def beat(self, name: str) -> None:
        """It lives."""
        self._due[name] = self._clock.now() + self._seconds[name]

    def rest(self, name: str) -> None:
        """It has ended as it should."""
        self._due.pop(name, None)

    def dead(self) -> list[str]:
        """Who has not beaten in time."""
        now = self._clock.now()
        return sorted(name for name, due in self._due.items() if now > due)


class Systemd:
    """The manager that started us, by its variables `NOTIFY_SOCKET` and `WATCHDOG_USEC`; silent without one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        microseconds = environment.get("WATCHDOG_USEC", "")
        #: Seconds within which it wants to hear of us; None when it does not.
        self.watchdog = int(microseconds) / 1e6 if microseconds.isdecimal() else None

    def tell(self, *words: str) -> None:
        """`READY=1`, `WATCHDOG=1`, `STATUS=...`. A manager that does not listen is logged and borne."""
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.connect(address)
                sender.send("\n".join(words).encode())
        except OSError as error:
            log.warning("systemd could not be told %s: %s", words[0], error)


async def keep_alive(systemd: Systemd, pulse: Pulse, clock: Clock) -> None:
    """Tells systemd that all is well while it is; until cancelled, or for ever when nobody wants to know."""
    if systemd.watchdog is None:
        return
    while True:
        dead = pulse.dead()
        if dead:
            log.error("The agent's %s does not move any more; systemd will start the agent anew.", ", ".join(dead))
        else:
            systemd.tell("WATCHDOG=1")
        await clock.sleep(systemd.watchdog / 3)
