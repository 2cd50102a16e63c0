"""wrk, the load generator: one process, persistent connections, a fixed time."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

CONNECTIONS = 32


def requests_per_second(address: str, seconds: float, *, script: Path | None = None, header: str | None = None) -> float:
    """Answers per second that were all 2xx. Raises RuntimeError when wrk is missing or an answer was something else."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is not installed; .ci/bootstrap bench installs it.")
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:.0f}s"]
    command += ["--script", str(script)] if script else []
    command += ["--header", header] if header else []
    said = subprocess.run([*command, address], capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: (.*)", said)
    if refused or broken:
        raise RuntimeError(f"wrk met refusals or broken connections at {address}:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"wrk said no rate:\n{said}")
    return float(found.group(1))
