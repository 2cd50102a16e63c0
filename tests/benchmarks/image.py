"""The machine's image: how soon its engine starts, what its agent costs, how fast it reads models, how long a rehearsal takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import image_agent
from tests.benchmarks.groups import Groups
from tests.benchmarks.groups import measure as measure_groups
from tests.benchmarks.report import Metric, Report, median
from tests.image.lab.boot import boot_share
from tests.image.lab.scene import Scene
from tests.image.lab.workplace import Workplace

BOOTS = 10
#: Both groups use the image that the rehearsal builds, or one that boot_share builds by itself.
RUN = f"bench-{os.getpid()}"
REHEARSAL = [sys.executable, "-m", "pytest", "-q", "-n", "3", "tests/image"]


def measure(only: Sequence[str] | None) -> Report:
    """All of it."""
    return measure_groups("image", GROUPS, only)


def rehearsal(_: Path) -> dict[str, Metric]:
    """`rehearsal_seconds`: the whole suite once, as CI runs it; the clean Debian and the wheels are there already."""
    workplace = Workplace(RUN, "bench")
    workplace.base()
    workplace.wheels()
    began = time.monotonic()
    done = subprocess.run(
        REHEARSAL, env=os.environ | {"WAKEBRUSH_IMAGE_RUN": RUN}, capture_output=True, text=True, timeout=1800, check=False
    )
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise RuntimeError(f"The rehearsal failed: {done.stdout[-3000:]}")
    return {"rehearsal_seconds": Metric(seconds, "s", 240, "lower", 1, "tests/image in three processes, packer build included")}


def boots(folder: Path) -> dict[str, Metric]:
    """`boot_share_s`: of boots one after the other, on a computer that does nothing else."""
    workplace = Workplace(RUN, "bench")
    workplace.open()
    try:
        workplace.image()
        studio = Scene(workplace.account, "boots", folder / "boots", serve=False)
        studio.set_up(seconds=3600)
        shares = [_boot(studio) for _ in range(BOOTS + 1)][1:]
        studio.close()
    finally:
        workplace.close()
    how = (
        "basic.target reached to the engine's own program running, our launcher included; containers from the built image; median"
    )
    return {"boot_share_s": Metric(median(shares), "s", 2, "lower", BOOTS, how, max(shares) - min(shares))}


def _boot(studio: Scene) -> float:
    studio.write_token("a token")
    studio.power_on()
    studio.until(lambda: studio.machine.on, 30, "the machine being on")
    studio.machine.container.until_booted()
    share = boot_share(studio.machine)
    studio.machine.container.halt()
    studio.until_state("stopped")
    return share


def agent(folder: Path) -> dict[str, Metric]:
    """`agent_cpu_percent`, `agent_rss_mib`."""
    return image_agent.agent_idle(folder)


GROUPS: Groups = {
    "rehearsal": (rehearsal, ("rehearsal_seconds",)),
    "boots": (boots, ("boot_share_s",)),
    "agent": (agent, ("agent_cpu_percent", "agent_rss_mib")),
    "prefetch": (image_agent.prefetch_ratio, ("prefetch_ratio",)),
}
