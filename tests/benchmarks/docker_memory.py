"""What a hundred results in one document add to Krita's memory."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from tests.benchmarks.report import Metric
from tests.krita.installing import built_zip, profile_with_plugin
from tests.krita.kritas import INSTALLED
from tests.krita.studio import Studio, a_studio

RESULTS, AT_ONCE, SIDE = 100, 10, 1024
MIB = 1024 * 1024
TARGET = 300.0
SETTLE_SECONDS = 3.0
WAIT = 240.0
#: Nothing is waited for but the engine's own work.
PRACTICE = "--step-seconds 0"


def measure(_folder: Path) -> dict[str, Metric]:
    """RSS of Krita with a document of that size open, before the first press and after the last result."""
    INSTALLED.provide()
    with profile_with_plugin(INSTALLED, built_zip()) as profile, a_studio(INSTALLED, profile, PRACTICE) as studio:
        krita = studio.krita
        krita.ask("documents.create", width=SIDE, height=SIDE, paper=[255, 255, 255])
        krita.ask("docker.show")
        values = {"style": "practice-sdxl", "task": "generate", "prompt": "a harbour", "count": AT_ONCE}
        krita.ask("results.settings", **values)
        krita.until("docker.look", "the button", lambda said: said["can_generate"])
        krita.ask("stalls.watch")
        before = _resident(studio)
        time.sleep(SETTLE_SECONDS)
        noise = abs(_resident(studio) - before)
        for arrived in range(AT_ONCE, RESULTS + 1, AT_ONCE):
            krita.ask("stalls.press", name="generate")
            krita.until("stalls.results", f"{arrived} results", lambda seen, n=arrived: seen["count"] == n, WAIT)
        time.sleep(SETTLE_SECONDS)
        after = _resident(studio)
        krita.ask("documents.close_all")
    how = f"Krita's RSS after {RESULTS} results of {SIDE}² in one document; before the first press: {before / MIB:.0f} MiB"
    added = (after - before) / MIB
    return {"session_rss_mib_100_results": Metric(added, "MiB", TARGET, "lower", 1, how, noise / MIB)}


def _resident(studio: Studio) -> int:
    return int(psutil.Process(studio.krita.process.pid).memory_info().rss)
