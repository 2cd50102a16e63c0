"""How many submissions and reads a second, as shares of what an empty FastAPI route does in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.report import Metric, median
from tests.benchmarks.services import NEVER_AWAKE, service
from tests.benchmarks.wrk import CONNECTIONS, requests_per_second

ROUNDS, SECONDS = 7, 3.0
SUBMIT = Path(__file__).with_name("submit.lua")


def measure(folder: Path) -> dict[str, Metric]:
    """Rounds of empty, read, submit, empty again; each ratio is taken within its round."""
    with empty_route() as empty, service(folder, practice_args=NEVER_AWAKE, max_unfinished_jobs=100_000_000) as running:
        os.environ["BENCH_TOKEN"] = running.token
        with running.artist() as artist:
            job = artist.generate()["id"]
        read = f"{running.endpoint}/v1/jobs/{job}"
        header = f"Authorization: Bearer {running.token}"
        requests_per_second(empty, 1)
        requests_per_second(read, 1, header=header)
        requests_per_second(running.endpoint, 1, script=SUBMIT)
        rounds = [one_round(empty, read, header, running.endpoint) for _ in range(ROUNDS)]
    base = [(first + again) / 2 for first, _, _, again in rounds]
    noise = median([abs(again / first - 1) for first, _, _, again in rounds])
    reads = [rate / empty_rate for (_, rate, _, _), empty_rate in zip(rounds, base, strict=True)]
    submits = [rate / empty_rate for (_, _, rate, _), empty_rate in zip(rounds, base, strict=True)]
    how = (
        f"median of {ROUNDS} interleaved rounds of {SECONDS:.0f} s, wrk with {CONNECTIONS} persistent connections; "
        f"empty route {median(base):.0f}/s"
    )
    return {
        "submit_ratio": Metric(
            median(submits), "ratio", 0.2, "higher", ROUNDS, f"{how}; submissions {median([r[2] for r in rounds]):.0f}/s", noise
        ),
        "read_ratio": Metric(
            median(reads), "ratio", 0.5, "higher", ROUNDS, f"{how}; reads {median([r[1] for r in rounds]):.0f}/s", noise
        ),
    }


def one_round(empty: str, read: str, header: str, endpoint: str) -> tuple[float, float, float, float]:
    """Requests per second: empty route, read, submit, empty route again."""
    first = requests_per_second(empty, SECONDS)
    reads = requests_per_second(read, SECONDS, header=header)
    submits = requests_per_second(endpoint, SECONDS, script=SUBMIT)
    return first, reads, submits, requests_per_second(empty, SECONDS)


@contextmanager
def empty_route() -> Iterator[str]:
    """The empty route's address, while the block runs."""
    command = [sys.executable, "-m", "tests.benchmarks.empty_route"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()
