"""A service for one tour: a process of its own, on data of its own, of which nothing is left afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wake_service.clock import SystemClock
from wake_service.demo.failure import TourFailed
from wake_service.providers.base import Power
from wake_service.providers.process import ProcessProvider

#: What `python -m` would need a module for; the command `wakebrush` may not be on the PATH.
SERVE = "serve --port 0 --gateway-port 0 --announce"
COMMAND = (sys.executable, "-c", "from wake_service.cli import main; main()", *SERVE.split())
READY_SECONDS, STOP_SECONDS = 60.0, 15.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where a service listens and what opens it."""

    endpoint: str
    token: str


@asynccontextmanager
async def own_service(log: Path, settings: dict[str, str]) -> AsyncIterator[Announcement]:
    """Runs a service with `settings` (WAKEBRUSH_* without the prefix); service, machines and data go when the block ends.

    Its log goes to `log`. Raises TourFailed when it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="wakebrush-demo-", ignore_cleanup_errors=True) as folder:
        process = await _start(Path(folder), log, settings)
        try:
            yield await _announcement(process, log)
        finally:
            with _undisturbed():
                await _end(process, Path(folder))


async def _start(data: Path, log: Path, settings: dict[str, str]) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WAKEBRUSH_")}
    own = {f"WAKEBRUSH_{name}": value for name, value in settings.items()}
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            "--data",
            str(data),
            env=inherited | own,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            # A Ctrl+C in the terminal is for the tour, which then ends its service in order.
            start_new_session=True,
        )


async def _announcement(process: asyncio.subprocess.Process, log: Path) -> Announcement:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        return _read(line)
    except TimeoutError:
        raise TourFailed(f"The service did not start within {READY_SECONDS:.0f} s. Its log: {log}") from None
    except (ValueError, KeyError, OSError):
        raise TourFailed(f"The service did not start: {_last_line(log)} Its log: {log}") from None


def _read(line: bytes) -> Announcement:
    said = json.loads(line)
    return Announcement(said["endpoint"], Path(said["token_file"]).read_text(encoding="utf-8").strip())


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "It said nothing."


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl+C must not keep the first from being carried out."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _end(process: asyncio.subprocess.Process, data: Path) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
    await stop_machines(data / "machines")


async def stop_machines(folder: Path) -> None:
    """Stops the machines of a service that has ended: on purpose they outlive it, but not where it was only tried out."""
    provider = ProcessProvider(folder, {}, SystemClock())
    try:
        async with asyncio.timeout(STOP_SECONDS):
            while running := [seen for seen in await provider.machines() if seen.power is not Power.STOPPED]:
                for sighting in running:
                    await provider.stop(sighting.machine_id, force=True)
                await asyncio.sleep(0.05)
    finally:
        await provider.close()
