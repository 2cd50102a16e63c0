"""Subject `gateway`: what ComfyUI's clients pay for going through Wakebrush instead of straight to the engine."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import gateway_facts, gateway_pictures, gateway_sockets, gateway_transfers, groups
from tests.benchmarks.report import Report

#: Each group is one run of one service.
GROUPS: groups.Groups = {
    "pictures": (gateway_pictures.measure, ("added_latency_ms_median", "added_latency_ms_p99", "roundtrip_2mb_ratio")),
    "transfers": (
        gateway_transfers.measure,
        ("upload_64mb_ratio", "download_64mb_ratio", "download_1gbit_ratio", "transfer_added_rss_mib"),
    ),
    "sockets": (gateway_sockets.measure, ("idle_sockets_added_rss_mib", "idle_sockets_cpu_percent")),
    "facts": (gateway_facts.measure, ("object_info_per_s", "object_info_whole_per_s")),
}


def measure(only: Sequence[str] | None) -> Report:
    """All groups, or those named."""
    return groups.measure("gateway", GROUPS, only)
