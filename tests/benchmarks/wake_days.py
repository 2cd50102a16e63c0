"""Machine-hours of whole days of a studio, in simulated time, beside machines that never sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.aws.soak import IDLE, Day, Pool, live
from tests.benchmarks.report import Metric, median
from wake_service.simulate.artists import studio_day

SEEDS = range(1, 6)
#: An idle time that is a compromise the other way: more waits for a wake, fewer hours.
SHORT_IDLE = 600.0


def measure(folder: Path) -> dict[str, Metric]:
    """The same days, with the idle time that the service is shipped with and with a shorter one."""
    return {
        "soak_hours_ratio": ratio([asyncio.run(live(studio_day(seed))) for seed in SEEDS], IDLE),
        "soak_hours_ratio_short_idle": ratio(
            [asyncio.run(live(studio_day(seed), Pool(idle=SHORT_IDLE))) for seed in SEEDS], SHORT_IDLE
        ),
    }


def ratio(days: Sequence[Day], idle: float) -> Metric:
    """All days together; the noise is how far one day is from the others (median distance)."""
    value = sum(day.machine_seconds for day in days) / sum(day.always_on_seconds for day in days)
    pictures = sum(len(day.pictures) for day in days)
    late = sum(day.late * len(day.pictures) for day in days) / pictures
    how = (
        f"simulated time: {len(days)} days of the made-up studio ({pictures} pictures, {late:.1%} begun later than 10 s), machines "
        f"rest {idle / 60:g} min; hours in the ledger over those of as many machines always on as were awake at once"
    )
    noise = median([abs(day.hours_ratio - value) for day in days])
    return Metric(value, "ratio", 0.4, "lower", len(days), how, noise)
