"""A service to measure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.running_service import RunningService

#: A machine that is still booting when the measurement ends, so that jobs stay queued.
NEVER_AWAKE = "--startup-seconds 3600"


@contextmanager
def service(folder: Path, **settings: Any) -> Iterator[RunningService]:
    """A service on data in `folder`; it and its machines end with the block."""
    running = RunningService(folder / "service", **({"log_level": "warning"} | settings))
    try:
        yield running.start()
    finally:
        running.clean_up()
