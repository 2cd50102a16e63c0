"""Whether a machine is what its image says: versions, nodes, GPU. No calls here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from wake_service.agent.wire import Report
from wake_service.comfy.reports import SystemStats

#: Names under which the version of the engine, the agent and the driver are tagged.
ENGINE, AGENT, DRIVER = "comfyui", "wakebrush-machine", "driver"
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)+)")
_NAMED = 5


def disagreements(
    versions: Mapping[str, str],
    report: Report,
    stats: SystemStats,
    nodes: Collection[str],
    exported: Collection[str] | None,
) -> list[str]:
    """What is not as the image's tags and its build say, each as a sentence; what they leave open is not asked.

    `nodes` are those of the engine as it runs, `exported` those that the build found (None: it left no list).
    """
    found = []
    said = _RELEASE.fullmatch(versions.get(ENGINE, ""))
    runs = stats.version.removeprefix("v")
    if said is not None and said[1] != runs:
        found.append(f"The image is tagged as ComfyUI {said[1]}, and the engine says that it is {runs}.")
    agent = versions.get(AGENT)
    if agent and agent != report.agent.version:
        found.append(f"The image is tagged with the agent {agent}, and the agent says that it is {report.agent.version}.")
    if versions.get(DRIVER, "none") != "none":
        if not report.gpus:
            found.append("The image has a driver, and the machine sees no GPU: the driver does not fit its kernel or its card.")
        found += [f"The driver of {gpu.name} does not answer." for gpu in report.gpus if gpu.lost]
    if missing := sorted(set(exported or ()) - set(nodes)):
        names = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
        found.append(f"The engine lacks nodes that it had when the image was built: {names}. A node pack does not load here.")
    return found
