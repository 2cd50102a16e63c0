"""The service's own share of a wake: acceptance to start call, plus the engine's first answer to the prompt's arrival there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.report import Metric, median
from tests.benchmarks.straight import StraightToTheEngine
from tests.support.artist import Artist
from tests.support.events import EventReader

WAKES, WARM_UP = 20, 2
TARGET_MS = 250


def measure(folder: Path) -> dict[str, Metric]:
    """Wakes of a stand-in machine, one after the other, each from asleep."""
    with engine(folder / "engine") as address, stand_in(folder / "service", address) as (said, facts):
        straight = StraightToTheEngine(address)
        try:
            with Artist(facts["endpoint"], facts["token"]) as artist, artist.events() as events:
                shares = [one_wake(artist, events, straight, said) for _ in range(WAKES + WARM_UP)][WARM_UP:]
        finally:
            straight.close()
    how = (
        f"median of {WAKES} wakes of a stand-in with known times: job accepted to start call, plus its engine announced to the "
        "prompt being executed there (engine's clock, 1 ms)"
    )
    return {"wake_share_ms": Metric(median(shares), "ms", TARGET_MS, "lower", WAKES, how, max(shares) - min(shares))}


def one_wake(artist: Artist, events: EventReader, straight: StraightToTheEngine, said: IO[str]) -> float:
    """Milliseconds of one wake that are the service's; returns when the machine sleeps again."""
    job = artist.generate(style="practice-sketch")
    events.until_type("job.succeeded", job=job["id"])
    started, answered = moment(said, "start"), moment(said, "engine")
    accepted = datetime.fromisoformat(job["created_at"]).timestamp()
    executed = straight.runs()[-1][0]
    events.until_machine("asleep")
    return ((started - accepted) + (executed - answered)) * 1000


def moment(said: IO[str], what: str) -> float:
    """The next moment of that kind that the stand-in told."""
    for line in said:
        fact: dict[str, Any] = json.loads(line)
        if fact.get("what") == what:
            return float(fact["at"])
    raise RuntimeError("The service with the stand-in ended.")


@contextmanager
def engine(directory: Path) -> Iterator[str]:
    """A practice engine's address, while the block runs."""
    command = [sys.executable, "-m", "wake_service.practice_engine", "--directory", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"To see the GUI go to: (\S+)", line):
                    yield found.group(1).rstrip("/")
                    return
            raise RuntimeError("The practice engine did not start.")
        finally:
            process.kill()


@contextmanager
def stand_in(data: Path, address: str) -> Iterator[tuple[IO[str], dict[str, Any]]]:
    """A service with a stand-in machine: what it says line by line, and its endpoint and token."""
    command = [sys.executable, "-m", "tests.benchmarks.wake_server", str(data), address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            if not first:
                raise RuntimeError("The service with the stand-in did not start.")
            yield process.stdout, json.loads(first)
        finally:
            process.kill()
