"""What 200 event sockets of the gateway cost while nothing happens."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil

from tests.benchmarks.memory import MIB, hire, resident
from tests.benchmarks.report import Metric
from tests.benchmarks.services import service
from tests.support.running_service import RunningService

#: Long enough for several rounds of keep-alive.
WATCHED_SECONDS = 60.0
SETTLE_SECONDS = 3.0


def measure(folder: Path) -> dict[str, Metric]:
    """The service's RSS and share of a core with a socket of each of 200 artists, minus the same without; its machine sleeps."""
    studio = hire(folder / "service")
    with service(folder) as running:
        asyncio.run(_sockets(running, studio[:10], SETTLE_SECONDS))  # what the first sockets of all load is not the idle ones'
        before, alone = resident(running), _share(running)
        noise = abs(resident(running) - before)
        after, share = asyncio.run(_sockets(running, studio, WATCHED_SECONDS))
    how = f"{len(studio)} artists with a socket each; the service with none: {before / MIB:.0f} MiB"
    cpu_how = f"share of one core over {WATCHED_SECONDS:.0f} s, minus that of the service with no socket ({alone:.2f} %)"
    return {
        "idle_sockets_added_rss_mib": Metric((after - before) / MIB, "MiB", 60, "lower", 1, how, noise / MIB),
        "idle_sockets_cpu_percent": Metric(share - alone, "%", 2, "lower", 1, f"{how}; {cpu_how}", alone),
    }


def _share(running: RunningService) -> float:
    """Percent of a core that the service's process uses on average."""
    process = psutil.Process(running.pid)
    began, used = time.perf_counter(), sum(process.cpu_times()[:2])
    time.sleep(WATCHED_SECONDS)
    return (sum(process.cpu_times()[:2]) - used) / (time.perf_counter() - began) * 100


async def _sockets(running: RunningService, studio: list[str], seconds: float) -> tuple[int, float]:
    """Opens a socket for each artist and hears its first word; RSS and percent of a core while they stand."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        readers = []
        for token in studio:
            address, headers = f"{running.gateway}/comfy/ws", {"Authorization": f"Bearer {token}"}
            socket = await stack.enter_async_context(session.ws_connect(address, headers=headers))
            await socket.receive_json(timeout=30)
            readers.append(asyncio.create_task(_answer_pings(socket)))
        await asyncio.sleep(SETTLE_SECONDS)
        process = psutil.Process(running.pid)
        began, used = time.perf_counter(), sum(process.cpu_times()[:2])
        await asyncio.sleep(seconds)
        share = (sum(process.cpu_times()[:2]) - used) / (time.perf_counter() - began) * 100
        for reader in readers:
            if reader.done():
                raise RuntimeError("A socket was closed while it was only open.")
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        return resident(running), share


async def _answer_pings(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Reads until the socket ends."""
    async for _message in socket:
        continue
