"""One instance's machine: a disk that lasts, and while it is on a container in a network of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.image.lab.container import Container
from tests.image.lab.forwarding import Forwarder
from tests.image.lab.network import Network
from tests.image.lab.roots import Disk

#: Ends something that was begun for one boot.
Ending = Callable[[], Awaitable[object]]


@dataclass(eq=False)
class Machine:
    """What is behind an instance. `address` is its public one while it is on; `boots` counts how often it was switched on.

    `files`, texts by their path inside, are written to its disk before each boot. `shown` are folders of this computer that it
    may read, by their path inside. `order` lets one thing at a time be done to it.
    """

    instance_id: str
    disk: Disk
    container: Container
    address: str = ""
    boots: int = 0
    files: dict[str, str] = field(default_factory=dict)
    shown: dict[Path, str] = field(default_factory=dict)
    network: Network | None = None
    forwarders: list[Forwarder] = field(default_factory=list)
    order: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def on(self) -> bool:
        """Whether it runs."""
        return self.container.running

    def path(self, inside: str) -> Path:
        """Where a file of the machine lies for us, while it is on or off: on its disk, so nothing of `/run`."""
        return self.disk.root / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Puts a file onto its mounted disk; it belongs to whom its folder belongs."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)

    def home_of(self, user: str) -> str:
        """A user's folder, by its path inside. Raises KeyError when there is no such user."""
        accounts = (line.split(":") for line in self.path("etc/passwd").read_text(encoding="utf-8").splitlines())
        return {account[0]: account[5] for account in accounts}[user]

    def run(self, *command: str, user: str | None = None, check: bool = True, seconds: float = 60.0) -> str:
        """What a command prints that is run inside."""
        return self.container.run(*command, user=user, check=check, seconds=seconds)


async def exited(pid: int) -> None:
    """Returns when a child process has ended, without a thread that waits for it."""
    loop = asyncio.get_running_loop()
    watched = os.pidfd_open(pid)
    ended = loop.create_future()
    loop.add_reader(watched, lambda: ended.done() or ended.set_result(None))
    try:
        await ended
    finally:
        loop.remove_reader(watched)
        os.close(watched)
