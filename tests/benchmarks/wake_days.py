"""Machine-hours of whole days of a studio, in simulated time, beside a machine that never sleeps."""

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
    days, short = lived(IDLE), lived(SHORT_IDLE)
    one = [day.seconds for day in days]
    peak = [day.always_on_seconds for day in days]
    return {
        "soak_hours_ratio": ratio(days, one, f"{told(days, IDLE)} one machine that is always on"),
        "soak_hours_ratio_peak": ratio(days, peak, f"{told(days, IDLE)} as many as were awake at once on that day, always on"),
        "soak_hours_ratio_short_idle": ratio(
            short, [day.seconds for day in short], f"{told(short, SHORT_IDLE)} one machine that is always on"
        ),
    }


def lived(idle: float) -> list[Day]:
    """The days, each by itself."""
    return [asyncio.run(live(studio_day(seed), Pool(idle=idle))) for seed in SEEDS]


def ratio(days: Sequence[Day], always_on: Sequence[float], how: str) -> Metric:
    """Of all days together; the noise is how far a day is from that (median distance)."""
    value = sum(day.machine_seconds for day in days) / sum(always_on)
    each = [day.machine_seconds / seconds for day, seconds in zip(days, always_on, strict=True)]
    return Metric(value, "ratio", 0.4, "lower", len(days), how, median([abs(one - value) for one in each]))


def told(days: Sequence[Day], idle: float) -> str:
    """How the days were lived."""
    pictures = sum(len(day.pictures) for day in days)
    late = sum(day.late * len(day.pictures) for day in days) / pictures
    return (
        f"simulated time: {len(days)} days of the made-up studio ({pictures} pictures, {late:.1%} begun later than 10 s), "
        f"machines rest {idle / 60:g} min; hours in the ledger over those of"
    )
