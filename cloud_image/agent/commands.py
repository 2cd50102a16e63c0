"""Short-lived helpers: other programs, run with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

#: What a program ends with when it may work a moment later (sysexits.h).
PASSING = 75
#: And what stands here for one that could not be run, or was ended because it took too long.
NOT_RUN = 127
#: Characters of what a program said that are kept.
SHOWN = 200_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended, and what it said."""

    code: int
    said: str
    trouble: str


class Commands(Protocol):
    """Runs programs. Raises nothing."""

    async def run(self, words: Sequence[str], seconds: float) -> Outcome:
        """Runs one and waits for its end, at most so long."""


class SystemCommands:
    """Programs of this computer."""

    async def run(self, words: Sequence[str], seconds: float) -> Outcome:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(*words, stdin=nothing, stdout=pipe, stderr=pipe)
        except OSError as error:
            return Outcome(NOT_RUN, "", f"{words[0]} cannot be run: {error}")
        try:
            async with asyncio.timeout(seconds):
                said, trouble = await process.communicate()
        except TimeoutError:
            return Outcome(NOT_RUN, "", f"{words[0]} took longer than {seconds:g} s")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(process.returncode or 0, _text(said), _text(trouble).strip())


def _text(data: bytes) -> str:
    return data[-SHOWN:].decode("utf-8", "replace")
