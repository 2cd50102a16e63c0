"""How fast 64 MB go up and down through the gateway beside straight to the engine, and that memory stays flat meanwhile."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.benchmarks.comfy_client import ComfyClient
from tests.benchmarks.gateway_pictures import Rounds, rounds
from tests.benchmarks.gateway_service import Sides, sides
from tests.benchmarks.report import Metric, median

MIB = 1024 * 1024
SIZE = 64_000_000
ROUNDS, WARM_UP = 12, 2
GIGABIT = 1e9 / 8
#: What may lie in buffers on the way: far less than one body.
FLAT_MIB = 16.0


def measure(folder: Path) -> dict[str, Metric]:
    """Rounds of straight, gateway, straight: up, down, and down by a client with a line of 1 Gbit/s."""
    data = bytearray(os.urandom(SIZE))
    with sides(folder) as both:
        _up(both.straight, data)
        name = _keep(both, data)
        both.through.download(name, SIZE)
        with peak(both.service.pid) as memory:
            up = rounds(both, lambda client: _up(client, data), ROUNDS, WARM_UP)
            down = rounds(both, lambda client: client.download(name, SIZE), ROUNDS, WARM_UP)
            slow = rounds(both, lambda client: client.download(name, SIZE, GIGABIT), ROUNDS, WARM_UP)
    return {
        "upload_64mb_ratio": _ratio(up, 0.8, "up"),
        "download_64mb_ratio": _ratio(down, 0.5, "down"),
        "download_1gbit_ratio": _ratio(slow, 0.95, "down by a client that reads 125 MB/s"),
        "transfer_added_rss_mib": Metric(
            memory[0] / MIB, "MiB", FLAT_MIB, "lower", 1, "the service's highest RSS during all of them, minus its RSS before"
        ),
    }


def _ratio(found: Rounds, target: float, what: str) -> Metric:
    """Speeds: the inverse of times."""
    how = (
        f"median of {ROUNDS} interleaved rounds, 64 MB {what}, speed through the gateway to speed straight "
        f"({SIZE / 1e6 / median(found.straight):.0f} MB/s); noise: straight to straight"
    )
    return Metric(1 / found.ratio(), "ratio", target, "higher", ROUNDS, how, found.ratio_noise())


def _up(client: ComfyClient, data: bytearray) -> float:
    """Other bytes each time, so that nobody has them already."""
    data[:16] = uuid.uuid4().bytes
    return client.upload(f"{uuid.uuid4().hex}.bin", data)


def _keep(both: Sides, data: bytearray) -> str:
    """The same file on both sides, under the same name."""
    name = f"{uuid.uuid4().hex}.bin"
    for client in (both.straight, both.through):
        client.upload(name, data)
    return name


@contextmanager
def peak(pid: int) -> Iterator[list[int]]:
    """A list that holds, once the block is left, by how many bytes a process's RSS was above its start at its highest."""
    found: list[int] = []
    before = psutil.Process(pid).memory_info().rss
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the kernel's highest RSS begins anew
    yield found
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    highest = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    found.append(highest - before)
