"""The real guard of a machine, nginx with our configuration, below a scratch root on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from aiohttp import web

from cloud_image.door import Closer, Door
from cloud_image.guard import certificate
from cloud_image.guard.setup import configure
from cloud_image.paths import Paths
from cloud_image.settings import EngineSettings, GuardSettings, Settings
from tests.support.guard import Guard, Handler
from wake_service.agent.link import LinkBroken
from wake_service.agent.memory import MemoryMachine
from wake_service.agent.wire import Report

CONFIGURATION = Path(__file__).resolve().parents[2] / "cloud_image/guard"
DEADLINE = 10.0


class AgentBehind(Guard):
    """The agent's side of a machine in memory, for a guard that has asked for the token already."""

    def __init__(self, machine: MemoryMachine, *, heartbeat: float) -> None:
        super().__init__(machine, heartbeat=heartbeat)
        self.headers: list[dict[str, str]] = []

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.machine.life is None and request.transport is not None:
            request.transport.abort()
        if self.machine.silent:
            await self.released.wait()
        return await handler(request)

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """On a socket, where the guard expects the agent."""
        runner = web.AppRunner(self.application(), shutdown_timeout=1, handler_cancellation=True)
        await runner.setup()
        await web.UnixSite(runner, str(path)).start()
        try:
            yield
        finally:
            self.released.set()
            self.machine.power_off()
            await runner.cleanup()


class DoorKeeper:
    """Closes and opens the door as a machine in memory says, which has no files."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def take(self, text: str) -> None:
        if '"type":"report"' in text.replace(" ", ""):
            draining = Report.model_validate_json(text).draining
            (self._door.close if draining else self._door.open)(Closer.SERVICE)

    def lose(self, error: LinkBroken) -> None:
        self._door.open(Closer.SERVICE)


class NginxGuard:
    """`paths` are those of its scratch root. Its certificate and configuration are made by the machine's own set-up."""

    def __init__(self, root: Path, token: str, engine_port: int, *, max_upload_mib: int = 100) -> None:
        self.paths = Paths(root)
        self.door = Door(self.paths.door)
        self.port = _free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.log = root / "nginx.log"
        self._process: subprocess.Popen[bytes] | None = None
        for folder in (self.paths.door, self.paths.agent_socket.parent, self.paths.prompt_socket.parent, self.paths.guard):
            folder.mkdir(parents=True)
        self.certificate = certificate.ensure(self.paths.guard, "i-0a1b")
        guard = GuardSettings(port=self.port, max_upload_mib=max_upload_mib)
        configure(Settings(guard=guard, engine=EngineSettings(port=engine_port)), self.paths, self.certificate, token)
        self._install()

    @property
    def configuration(self) -> Path:
        return self.paths.settings.with_name("nginx.conf")

    def _install(self) -> None:
        folder = self.configuration.parent
        folder.mkdir(parents=True)
        for file in CONFIGURATION.glob("*.conf"):
            text = file.read_text(encoding="utf-8")
            for name in ("/run/wakebrush", "/etc/wakebrush", "/var/lib/wakebrush"):
                text = text.replace(name, f"{self.paths.root}{name}")
            # As root, nginx would give its work to a user that cannot enter a test's folders.
            user = "user root;\n" if file.name == "nginx.conf" and os.geteuid() == 0 else ""
            (folder / file.name).write_text(user + text, encoding="utf-8")

    async def start(self) -> None:
        """As its unit does; returns when it answers."""
        process = self._spawn()
        async with asyncio.timeout(DEADLINE):
            while not self._listens():
                assert process.poll() is None, self.log.read_text(encoding="utf-8")
                await asyncio.sleep(0.01)

    def _spawn(self) -> subprocess.Popen[bytes]:
        for stale in (self.paths.prompt_socket, self.paths.upload_socket):
            stale.unlink(missing_ok=True)
        command = [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-e", "stderr", "-c", str(self.configuration)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, start_new_session=True)
        return self._process

    def kill(self) -> None:
        """Ends it without a chance to tidy up."""
        assert self._process is not None
        workers = psutil.Process(self._process.pid).children()
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE)
        psutil.wait_procs(workers, timeout=DEADLINE)  # as long as one lives, it listens

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(DEADLINE)

    def under_way(self, path: Path) -> int:
        """How many connections to one of its inner doors there are, as the idle monitor counts them."""
        rows = [line.split() for line in Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()]
        return sum(1 for row in rows if row[-1] == str(path) and row[5] in ("02", "03"))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def open_files(self) -> set[str]:
        """What its processes hold open."""
        group = [psutil.Process(self.pid), *psutil.Process(self.pid).children()]
        return {str(link.readlink()) for process in group for link in Path(f"/proc/{process.pid}/fd").iterdir()}

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@asynccontextmanager
async def nginx_guard(token: str, engine_port: int, *, max_upload_mib: int = 100) -> AsyncIterator[NginxGuard]:
    """One that answers. Its root is short, since a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        guard = NginxGuard(Path(folder), token, engine_port, max_upload_mib=max_upload_mib)
        await guard.start()
        try:
            yield guard
        finally:
            guard.stop()


def _free_port() -> int:
    """A port below those that the kernel gives away by itself, so that nobody gets it before nginx has it."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for port in random.sample(range(10_000, lowest), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")
