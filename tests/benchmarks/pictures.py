"""What the service adds to a picture on a machine that is awake, and how long that machine stands still between two."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.report import Metric, median, percentile
from tests.benchmarks.services import service
from tests.benchmarks.straight import StraightToTheEngine, engine_address, wake, with_seed
from tests.support.artist import Artist
from tests.support.events import EventReader

PAIRS, WARM_UP, QUEUED = 200, 10, 60
#: Large enough that all are queued before the first is done.
QUEUED_SIZE: dict[str, Any] = {"width": 256, "height": 256, "style": "practice-sketch"}
SIZE: dict[str, Any] = {"width": 64, "height": 64, "style": "practice-sketch"}


class Paired(NamedTuple):
    """Milliseconds, pair by pair: service minus straight, straight minus straight, and straight itself."""

    overhead: list[float]
    noise: list[float]
    alone: list[float]


def measure(folder: Path) -> dict[str, Metric]:
    """Pairs of the same small graph, once through the service and once straight, in turns; then a queue of jobs."""
    with service(folder, idle_seconds=3600) as running, running.artist() as artist:
        wake(artist)
        straight = StraightToTheEngine(engine_address(running.data))
        try:
            with artist.events() as events:
                pairs = paired(artist, events, straight)
                gaps = idle_gaps(artist, events, straight)
        finally:
            straight.close()
    how = (
        f"{PAIRS} interleaved pairs of a 64 x 64 picture on the practice engine, request to last byte of the picture: "
        f"through the service minus straight (which takes {median(pairs.alone):.0f} ms); noise: straight minus straight"
    )
    gap_how = f"{QUEUED} queued 256 x 256 jobs: start of the next minus end of the one before, by the engine's clock (1 ms)"
    return {
        "job_overhead_ms_median": Metric(median(pairs.overhead), "ms", 10, "lower", PAIRS, how, abs(median(pairs.noise))),
        "job_overhead_ms_p99": Metric(
            percentile(pairs.overhead, 99), "ms", 30, "lower", PAIRS, how, percentile([abs(each) for each in pairs.noise], 99)
        ),
        "idle_gap_ms_median": Metric(median(gaps), "ms", 20, "lower", len(gaps), gap_how, 1.0),
    }


def paired(artist: Artist, events: EventReader, straight: StraightToTheEngine) -> Paired:
    """The same small graph through the service and straight, in turns."""
    through_service(artist, events, seed=1)
    graph = straight.last_graph()
    overhead, noise, alone = [], [], []
    for number in range(PAIRS + WARM_UP):
        seed = 10 + 3 * number
        through = through_service(artist, events, seed)
        once = straight.picture(with_seed(graph, seed + 1))
        again = straight.picture(with_seed(graph, seed + 2))
        if number >= WARM_UP:
            overhead.append((through - once) * 1000)
            noise.append((again - once) * 1000)
            alone.append(once * 1000)
    return Paired(overhead, noise, alone)


def through_service(artist: Artist, events: EventReader, seed: int) -> float:
    """Seconds from asking to the last byte of the picture."""
    began = time.perf_counter()
    job = artist.generate(seed=seed, **SIZE)["id"]
    events.until_type("job.succeeded", job=job)
    artist.result(job)
    return time.perf_counter() - began


def idle_gaps(artist: Artist, events: EventReader, straight: StraightToTheEngine) -> list[float]:
    """Milliseconds from the end of one job to the start of the next, by the engine's clock, while the queue never ran dry."""
    jobs = [artist.generate(seed=100_000 + number, **QUEUED_SIZE)["id"] for number in range(QUEUED)]
    all_queued = time.time()
    events.until_type("job.succeeded", job=jobs[-1], seconds=120)
    runs = [run for run in straight.runs() if run[1] >= all_queued]
    return [(later[0] - earlier[1]) * 1000 for earlier, later in pairwise(runs)]
