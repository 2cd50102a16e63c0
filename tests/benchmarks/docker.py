"""Subject `docker`: what the docker costs Krita, the artist's patience and the wire."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import docker_memory, docker_stalls, docker_wire, groups
from tests.benchmarks.report import Report

#: Each group is one run of one Krita.
GROUPS: groups.Groups = {
    "wire": (docker_wire.measure, ("press_to_wire_ms_1024", "press_to_wire_ms_2048", "unchanged_region_bytes")),
    "memory": (docker_memory.measure, ("session_rss_mib_100_results",)),
    "stalls": (docker_stalls.measure, docker_stalls.NAMES),
}


def measure(only: Sequence[str] | None) -> Report:
    """All groups, or those named."""
    return groups.measure("docker", GROUPS, only)
