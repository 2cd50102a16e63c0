"""How many times a second the gateway tells what nodes there are while the machine sleeps."""

from __future__ import annotations

from pathlib import Path

import requests

from tests.benchmarks import large_engine
from tests.benchmarks.report import Metric, median
from tests.benchmarks.services import service
from tests.benchmarks.straight import wake
from tests.benchmarks.wrk import CONNECTIONS, requests_per_second
from tests.support.running_service import eventually

ROUNDS, SECONDS = 7, 3.0


def measure(folder: Path) -> dict[str, Metric]:
    """Rounds of asking with the ETag, asking for the whole, asking with the ETag again; asleep since its one wake."""
    with service(folder, idle_seconds=3, wish_seconds=3, **large_engine.settings(folder)) as running:
        with running.artist() as artist:
            wake(artist)
        eventually(lambda: not running.engines(), 30, "the end of the engine")
        address = f"{running.link()}/object_info"
        tag, whole = _facts(address)
        asked, gzip = f"If-None-Match: {tag}", "Accept-Encoding: gzip"
        requests_per_second(address, 1, header=asked)
        found = [
            (
                requests_per_second(address, SECONDS, header=asked),
                requests_per_second(address, SECONDS, header=gzip),
                requests_per_second(address, SECONDS, header=asked),
            )
            for _ in range(ROUNDS)
        ]
        if running.engines():
            raise RuntimeError("Asking for facts has woken the machine.")
    rates = [(first + again) / 2 for first, _, again in found]
    noise = median([abs(again - first) for first, _, again in found])
    how = (
        f"median of {ROUNDS} rounds of {SECONDS:.0f} s, wrk with {CONNECTIONS} persistent connections that send the ETag, "
        f"{whole / 1000:.0f} kB while asleep"
    )
    whole_how = f"the same without ETag: the whole of it, gzip, compressed once; {how}"
    return {
        "object_info_per_s": Metric(median(rates), "1/s", 1000, "higher", ROUNDS, how, noise),
        "object_info_whole_per_s": Metric(median([each[1] for each in found]), "1/s", 1000, "higher", ROUNDS, whole_how),
    }


def _facts(address: str) -> tuple[str, int]:
    """The ETag and the size in bytes of what is told. Raises RuntimeError when it is not what is to be measured."""
    answer = requests.get(address, timeout=30)
    if len(answer.content) < large_engine.SIZE:
        raise RuntimeError(f"Only {len(answer.content)} bytes are told.")
    if answer.status_code != 200 or "ETag" not in answer.headers or answer.headers.get("Content-Encoding") != "gzip":
        raise RuntimeError(f"{answer.status_code} {answer.headers}: no compressed object_info with an ETag")
    return answer.headers["ETag"], len(answer.content)
