"""How long Krita's GUI thread is held while a picture is made, against the Krita calls that takes.

    python -m tests.benchmarks.krita_stalls --json FILE [--rounds N]

Writes `gui_stall_ratio_1024`, `_2048` and `_4096`: (longest stall in ms - 5) / (sum of the needed calls in ms), the
median of the rounds. The calls are timed in the same Krita, on the same document, right before each picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from tests.benchmarks.docker_stalls import applied, shown_result
from tests.krita.installing import built_zip, profile_with_plugin
from tests.krita.kritas import INSTALLED
from tests.krita.studio import Studio, a_studio

SIZES = (1024, 2048, 4096)
ALLOWANCE_MS = 5.0
TARGET = 1.2
BORDER = 8
HOW = "longest GUI stall - 5 ms, over the sum of the Krita calls the picture needs, from press to layer, Krita 5.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="where to write the metrics")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    INSTALLED.provide()
    with profile_with_plugin(INSTALLED, built_zip()) as profile, a_studio(INSTALLED, profile) as studio:
        metrics = {f"gui_stall_ratio_{size}": measured(studio, size, options.rounds) for size in SIZES}
    options.json.write_text(json.dumps({"metrics": metrics}, indent=1), encoding="utf-8")
    print(json.dumps(metrics, indent=1))


def measured(studio: Studio, size: int, rounds: int) -> dict[str, Any]:
    """The metric for a square document of that size, nearly all of it selected."""
    krita = studio.krita
    krita.ask("documents.create", width=size, height=size)
    krita.ask("stalls.speckle")
    krita.ask("documents.select", x=BORDER, y=BORDER, width=size - 2 * BORDER, height=size - 2 * BORDER)
    krita.ask("docker.show")
    studio.write_prompt(f"fog over the sea {size}")
    krita.ask("stalls.watch")
    krita.ask("window.wait", seconds=1.5)
    idle = krita.ask("stalls.longest")
    turns = [one_picture(studio, size) for _ in range(rounds)]
    krita.ask("documents.close_all")
    ratios = [max(0.0, stall - ALLOWANCE_MS) / sum(calls.values()) for stall, calls in turns]
    return {
        "value": round(statistics.median(ratios), 3),
        "unit": "ratio",
        "target": TARGET,
        "better": "lower",
        "n": rounds,
        "how": HOW,
        "noise": round(idle / statistics.median(sum(calls.values()) for _, calls in turns), 3),
        "stalls_ms": [round(stall, 1) for stall, _ in turns],
        "calls_ms": [{name: round(spent, 1) for name, spent in calls.items()} for _, calls in turns],
        "idle_stall_ms": round(idle, 1),
    }


def one_picture(studio: Studio, size: int) -> tuple[float, dict[str, float]]:
    """The longest stall while one picture is made, seen over the canvas and made a layer, and the calls that needs; ms."""
    krita = studio.krita
    calls = krita.ask("stalls.needed_calls")
    krita.ask("stalls.watch")
    shown_result(studio)
    applied(studio)
    krita.ask("window.wait", seconds=0.5)
    stall = krita.ask("stalls.longest")
    studio.until_idle()
    krita.ask("window.undo")
    return stall, calls


if __name__ == "__main__":
    main()
