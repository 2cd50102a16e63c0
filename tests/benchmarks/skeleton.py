"""Subject `skeleton`: what a picture's way costs, from submission to layer."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import demo_time, groups, krita_metrics, memory, pictures, rates, wake
from tests.benchmarks.report import Report

#: Each group is one run of one service.
GROUPS: groups.Groups = {
    "rates": (rates.measure, ("submit_ratio", "read_ratio")),
    "pictures": (pictures.measure, ("job_overhead_ms_median", "job_overhead_ms_p99", "idle_gap_ms_median")),
    "wake": (wake.measure, ("wake_share_ms",)),
    "krita": (krita_metrics.measure, ("gui_stall_ratio_1024", "gui_stall_ratio_2048", "gui_stall_ratio_4096")),
    "memory": (memory.measure, ("added_rss_mib",)),
    "demo": (demo_time.measure, ("demo_seconds_warm",)),
}


def measure(only: Sequence[str] | None) -> Report:
    """All groups, or those named."""
    return groups.measure("skeleton", GROUPS, only)
