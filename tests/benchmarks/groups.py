"""A subject's metrics in groups: each group is one measurement, and may fail without taking the others along."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from tests.benchmarks.report import Metric, Report

Group = Callable[[Path], dict[str, Metric]]
#: By name: what measures, and the metrics that come of it.
Groups: TypeAlias = Mapping[str, tuple[Group, tuple[str, ...]]]


def measure(subject: str, groups: Groups, only: Sequence[str] | None) -> Report:
    """All groups, or those named. A group that fails leaves its metrics unmeasured, with the reason."""
    report = Report(subject)
    for name in only or groups:
        group, metrics = groups[name]
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
