"""How the engine's process ended: written by its unit, read by its next start and by the agent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cloud_image.files import replace

#: Ends that follow each other within so many seconds belong together: the engine does not get up.
TOGETHER_SECONDS = 180.0
#: The longest the next start waits, in seconds.
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Exit:
    """`result`, `code`, `status`: systemd's $SERVICE_RESULT, $EXIT_CODE, $EXIT_STATUS (systemd.exec(5)). `at`: epoch seconds.

    `starts`: how often it was started in this boot until then. `memory`: it ended for want of memory. `streak`: so many failures
    followed each other closely. `frugal`: it ended for want of memory at some time in this boot.
    """

    at: float
    result: str
    code: str
    status: str
    starts: int
    memory: bool
    streak: int = 0
    frugal: bool = False


def read(path: Path) -> Exit | None:
    """The last one; None when it has not ended in this boot, or what is written there cannot be read."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return Exit(**{name: written[name] for name in (member.name for member in fields(Exit)) if name in written})
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, exit: Exit) -> None:
    """Raises OSError."""
    replace(path, json.dumps(asdict(exit)))


def following(last: Exit | None, now: float, result: str, code: str, status: str, *, memory: bool) -> Exit:
    """The end that comes after `last`."""
    failed = result != "success"
    close = last is not None and 0 <= now - last.at < TOGETHER_SECONDS
    return Exit(
        at=now,
        result=result,
        code=code,
        status=status,
        starts=1 if last is None else last.starts + 1,
        memory=memory,
        streak=(1 + (last.streak if last is not None and close else 0)) if failed else 0,
        frugal=memory or (last is not None and last.frugal),
    )


def pause(last: Exit | None) -> float:
    """Seconds to wait before the next start: none after the first failure, then longer each time."""
    if last is None or last.streak < 2:
        return 0.0
    return min(2.0 ** min(last.streak - 1, 10), LONGEST_PAUSE)
