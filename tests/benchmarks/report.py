"""Figures and how they were made: one file per subject in build/bench, and the closing table."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

FOLDER = Path("build/bench")


@dataclass(frozen=True)
class Metric:
    """One figure. `noise` is what the same measurement gives for A against A, in the figure's own unit; `n` its repetitions."""

    value: float
    unit: str
    target: float
    better: Literal["lower", "higher"]
    n: int
    how: str
    noise: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    @property
    def distance(self) -> str:
        """`ok`, or by how much the target is missed."""
        return "ok" if self.ok else f"missed by {abs(self.value - self.target):.3g} {self.unit}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"value": round(self.value, 4), "ok": self.ok}


@dataclass
class Report:
    """All metrics of one subject; what could not be measured is named with its reason rather than left out."""

    subject: str
    metrics: dict[str, Metric] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def write(self) -> Path:
        """Writes build/bench/SUBJECT.json."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{self.subject}.json"
        content = {
            "subject": self.subject,
            "machine": {"cores": os.cpu_count(), "cpu": cpu(), "python": platform.python_version()},
            "when": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "commit": commit(),
            "metrics": {name: metric.as_json() for name, metric in self.metrics.items()},
        }
        if self.unmeasured:
            content["unmeasured"] = self.unmeasured
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def show(reports: Sequence[Report]) -> None:
    """The table on the screen: metric, value, target, ok or how far off."""
    table = Table("metric", "value", "target", "", "noise", "n", box=None, pad_edge=False)
    for report in reports:
        for name, metric in report.metrics.items():
            sign = "≤" if metric.better == "lower" else "≥"
            noise = "" if metric.noise is None else f"± {metric.noise:.3g}"
            table.add_row(
                name, f"{metric.value:.4g} {metric.unit}", f"{sign} {metric.target:g}", metric.distance, noise, str(metric.n)
            )
        for name, reason in report.unmeasured.items():
            table.add_row(name, "—", "", reason)
    Console(width=140 if not Console().is_terminal else None).print(table)


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return percentile(values, 50)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all do not exceed (linear between neighbours)."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def cpu() -> str:
    """The processor's name as the kernel says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def commit() -> str:
    """Short name of the commit that was measured, with `+` when files were changed since."""
    try:
        name = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if changed.strip() else "")
