"""The copies of all pools."""

from __future__ import annotations

import asyncio
from pathlib import Path

from wake_service.clock import Clock

from .crawl import Limits
from .mirror import Mirror


class Mirrors:
    """One Mirror for each pool, each in a folder of its name."""

    def __init__(self, folder: Path, clock: Clock, limits: Limits | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._limits = limits
        self._of: dict[str, Mirror] = {}

    async def load(self, pools: list[str]) -> None:
        """Reads what was kept of these."""
        await asyncio.gather(*(self.of(pool).load() for pool in pools))

    def of(self, pool: str) -> Mirror:
        """The copy of one pool, which may be empty."""
        if pool not in self._of:
            self._of[pool] = Mirror(pool, self._folder / pool, self._clock, self._limits)
        return self._of[pool]

    async def stop(self) -> None:
        """Lets go of what is under way."""
        await asyncio.gather(*(mirror.stop() for mirror in self._of.values()))
