"""A service with its gateway to measure, and the engine behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.comfy_client import ComfyClient
from tests.benchmarks.services import service
from tests.benchmarks.straight import engine_address, wake
from tests.support.running_service import RunningService


@dataclass(frozen=True)
class Sides:
    """The two ways to one engine, which is awake."""

    service: RunningService
    straight: ComfyClient
    through: ComfyClient


@contextmanager
def sides(folder: Path, **settings: Any) -> Iterator[Sides]:
    """Both ways, open until the end of the block."""
    with service(folder, **({"idle_seconds": 3600} | settings)) as running:
        with running.artist() as artist:
            wake(artist)
        straight, through = ComfyClient(engine_address(running.data)), ComfyClient(running.link())
        with straight, through:
            yield Sides(running, straight, through)
