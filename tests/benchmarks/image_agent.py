"""The agent's cost while nothing happens, and how fast it brings a model into memory."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from cloud_image.agent.prefetch import DiskReader
from cloud_image.paths import Paths
from tests.benchmarks.report import Metric, median
from tests.benchmarks.wake import engine

MIB = 1024 * 1024
#: Seconds that the agent has to settle, and of one measurement of the three that are made.
SETTLE, STRETCH, STRETCHES = 10.0, 15.0, 3
MODEL_MIB, RUNS = 1024, 5


@dataclass(frozen=True)
class Idle:
    """Percent of one core in each stretch, and the largest resident memory in bytes."""

    cpu: list[float]
    rss: int


def measure(folder: Path, models: Path | None = None) -> dict[str, Metric]:
    """All three; `models` is a folder on the disk that models are read from (default: below `folder`)."""
    return agent_idle(folder / "idle") | prefetch_ratio(models or folder / "models")


def agent_idle(folder: Path) -> dict[str, Metric]:
    """`agent_cpu_percent` and `agent_rss_mib`: the agent's own process with an engine that idles and a service that listens."""
    with engine(folder / "engine") as address:
        found = asyncio.run(_idle(folder / "machine", int(address.rpartition(":")[2])))
    how = (
        f"the agent's process with an idle engine and one open /agent socket; median of {STRETCHES} stretches of {STRETCH:g} s "
        f"after {SETTLE:g} s"
    )
    spread = max(found.cpu) - min(found.cpu)
    return {
        "agent_cpu_percent": Metric(median(found.cpu), "%", 1, "lower", STRETCHES, how, spread),
        "agent_rss_mib": Metric(found.rss / MIB, "MiB", 40, "lower", 1, "largest resident memory of the same process"),
    }


def prefetch_ratio(folder: Path) -> dict[str, Metric]:
    """`prefetch_ratio`: the agent's reader against dd, turn by turn, each on a cold cache. Raises RuntimeError where the cache
    cannot be emptied."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "checkpoints" / "bench.safetensors"
    _write_model(model)
    try:
        pairs = [(_dd(model), _prefetch(folder, model)) for _ in range(RUNS)]
    finally:
        model.unlink()
    ratios = [dd / ours for dd, ours in pairs]
    rate = MODEL_MIB / median([ours for _, ours in pairs])
    how = (
        f"median of {RUNS} pairs: `dd bs=1M` then the agent's reader on a file of {MODEL_MIB} MiB with a cold cache (the agent: "
        f"{rate:.0f} MiB/s)"
    )
    return {"prefetch_ratio": Metric(median(ratios), "", 0.9, "higher", RUNS, how, max(ratios) - min(ratios))}


async def _idle(root: Path, port: int) -> Idle:
    with _agent(root, port) as (process, paths):
        connector = aiohttp.UnixConnector(str(paths.agent_socket))
        async with (
            aiohttp.ClientSession("http://machine", connector=connector) as session,
            session.ws_connect("/agent", headers={"Wakebrush-Wire": "1"}) as socket,
        ):
            reading = asyncio.create_task(_read(socket))
            await asyncio.sleep(SETTLE)
            cpu, rss = [], 0
            for _ in range(STRETCHES):
                before, begun = sum(process.cpu_times()[:2]), time.monotonic()
                await asyncio.sleep(STRETCH)
                cpu.append(100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun))
                rss = max(rss, process.memory_info().rss)
            reading.cancel()
    return Idle(cpu, rss)


async def _read(socket: aiohttp.ClientWebSocketResponse) -> None:
    """As a service does: takes every report."""
    async for _ in socket:
        pass


@contextmanager
def _agent(root: Path, port: int) -> Iterator[tuple[psutil.Process, Paths]]:
    """An agent that listens, on a machine laid out below `root`."""
    paths = Paths(root)
    for folder in (paths.door, paths.agent_socket.parent, paths.idle, paths.kept.parent, paths.settings.parent, paths.models):
        folder.mkdir(parents=True)
    for name in ("input", "output"):
        (paths.engine_data / name).mkdir(parents=True)
    paths.settings.write_text(f'cloud = "none"\n[guard]\ntoken_file = "token"\n[engine]\nport = {port}\n', encoding="utf-8")
    paths.verdict.write_text(json.dumps({"at": time.time(), "busy": False, "sleeps_at": None, "because": []}), encoding="utf-8")
    command = [sys.executable, "-m", "cloud_image.agent.cli", "--root", str(root)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(paths.agent_socket, process)
            yield psutil.Process(process.pid), paths
        finally:
            process.terminate()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1000):
        if path.is_socket():
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError("The agent did not start.")


def _write_model(path: Path) -> None:
    """A whole safetensors file of random bytes, safe on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = MODEL_MIB * MIB
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    block = os.urandom(MIB)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(MODEL_MIB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _dd(model: Path) -> float:
    _forget(model)
    begun = time.monotonic()
    subprocess.run(["dd", f"if={model}", "of=/dev/null", "bs=1M", "status=none"], check=True)
    return time.monotonic() - begun


def _prefetch(folder: Path, model: Path) -> float:
    _forget(model)
    begun = time.monotonic()
    fetched = DiskReader([folder]).fetch(str(model.relative_to(folder)), threading.Event())
    if not fetched.whole:
        raise RuntimeError(f"The model was not read: {fetched}")
    return time.monotonic() - begun


def _forget(model: Path) -> None:
    """Empties the page cache of that file."""
    fd = os.open(model, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        middle = model.stat().st_size // 2
        try:
            cached = os.preadv(fd, [bytearray(4096)], middle, os.RWF_NOWAIT)
        except BlockingIOError:
            cached = 0
        if cached:
            raise RuntimeError("The page cache could not be emptied, so nothing can be measured on this disk.")
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
