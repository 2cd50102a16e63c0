"""Stalls of real Krita's GUI thread, measured by krita_stalls in a Krita of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.report import Metric


def measure(folder: Path) -> dict[str, Metric]:
    """What `python -m tests.benchmarks.krita_stalls` writes: metrics by name, in the form of a report's metrics."""
    found = folder / "stalls.json"
    command = [sys.executable, "-m", "tests.benchmarks.krita_stalls", "--json", str(found)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"Krita's stalls could not be measured.\n{(done.stdout + done.stderr)[-3000:]}")
    said = json.loads(found.read_text(encoding="utf-8"))
    fields = ("value", "unit", "target", "better", "n", "how", "noise")
    metrics = said.get("metrics", said)
    return {name: Metric(**{key: metric[key] for key in fields if key in metric}) for name, metric in metrics.items()}
