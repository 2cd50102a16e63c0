"""Subject `skeleton`: what a picture's way costs, from submission to layer."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import demo_time, krita_metrics, memory, pictures, rates, wake
from tests.benchmarks.report import Metric, Report

Group = Callable[[Path], dict[str, Metric]]

#: Metric names by the group that measures them: each group is one run of one service.
GROUPS: dict[str, tuple[Group, tuple[str, ...]]] = {
    "rates": (rates.measure, ("submit_ratio", "read_ratio")),
    "pictures": (pictures.measure, ("job_overhead_ms_median", "job_overhead_ms_p99", "idle_gap_ms_median")),
    "wake": (wake.measure, ("wake_share_ms",)),
    "krita": (krita_metrics.measure, ("gui_stall_ratio_1024", "gui_stall_ratio_2048", "gui_stall_ratio_4096")),
    "memory": (memory.measure, ("added_rss_mib",)),
    "demo": (demo_time.measure, ("demo_seconds_warm",)),
}


def measure(only: Sequence[str] | None) -> Report:
    """All groups, or those named. A group that fails leaves its metrics unmeasured, with the reason."""
    report = Report("skeleton")
    for name in only or GROUPS:
        group, metrics = GROUPS[name]
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="wakebrush-bench-") as folder:
                report.metrics.update(group(Path(folder)))
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            report.unmeasured.update(dict.fromkeys(metrics, reason[0]))
            print(f"{name}: not measured.\n{error}")
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return report
