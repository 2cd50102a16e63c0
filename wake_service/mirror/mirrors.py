"""The copies of all pools."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from wake_service.clock import Clock
from wake_service.errors import WakebrushError

from .crawl import Limits
from .mirror import Mirror

log = logging.getLogger(__name__)


class Mirrors:
    """One Mirror for each pool, each in a folder of its name below the service's own."""

    def __init__(self, data: Path, clock: Clock, limits: Limits | None = None, *, ask_packs: bool = True) -> None:
        self._data = data
        self._clock = clock
        self._limits = limits
        self._ask_packs = ask_packs
        self._of: dict[str, Mirror] = {}

    async def load(self, pools: list[str]) -> None:
        """Reads what was kept of these."""
        await asyncio.gather(*(self.of(pool).load() for pool in pools))

    def of(self, pool: str) -> Mirror:
        """The copy of one pool, which may be empty."""
        if pool not in self._of:
            self._of[pool] = Mirror(pool, self._data / "mirror" / pool, self._clock, self._limits, ask_packs=self._ask_packs)
        return self._of[pool]

    async def begin(self, pool: str, fetch: Callable[[Path], Awaitable[bool]]) -> None:
        """A pool that never woke begins with what the build of its image exported: here, or to where `fetch` looks."""
        mirror = self.of(pool)
        if not mirror.is_empty:
            return
        try:
            await mirror.begin(partial(first_copy_in, self._data / "images"))
            if mirror.is_empty:
                await mirror.begin(fetch)
        except (WakebrushError, OSError, ValueError) as error:
            log.warning("Clients of ComfyUI are answered once a machine has woken, not before: %s", error)

    async def stop(self) -> None:
        """Lets go of what is under way."""
        await asyncio.gather(*(mirror.stop() for mirror in self._of.values()))


async def first_copy_in(images: Path, archive: Path) -> bool:
    """Takes the newest of those that builds of images have left in a folder; whether there is one. Raises OSError."""

    def take() -> bool:
        found = sorted(images.glob("*/mirror.tar.gz"), key=lambda path: path.stat().st_mtime)
        if found:
            shutil.copyfile(found[-1], archive)
        return bool(found)

    return await asyncio.to_thread(take)
