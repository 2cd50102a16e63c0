"""Subject `wake`: machines in the cloud. The service's share of a wake, the reaper's delay, what a day costs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import groups, wake_days, wake_reaper, wake_share
from tests.benchmarks.report import Report

GROUPS: groups.Groups = {
    "share": (wake_share.measure, ("wake_share_ms_median", "wake_share_ms_p99")),
    "reaper": (wake_reaper.measure, ("reaper_delay_ratio",)),
    "days": (wake_days.measure, ("soak_hours_ratio", "soak_hours_ratio_peak", "soak_hours_ratio_short_idle")),
}


def measure(only: Sequence[str] | None) -> Report:
    """All groups, or those named."""
    return groups.measure("wake", GROUPS, only)
