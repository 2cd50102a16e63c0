"""A sync that is killed, as by a power cut: nothing half-done has a name, and the next one goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from cloud_image import marks
from cloud_image.model_sync import cli
from cloud_image.paths import Paths
from tests.unit.cloud_image.model_sync.world import BASE, put

ROOT = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, "-c", "import sys; from cloud_image.model_sync.cli import main; sys.exit(main(sys.argv[1:]))"]
DEADLINE = 30.0
DATA = os.urandom(8 * 1024 * 1024)


def test_a_sync_that_is_killed_leaves_no_model_by_half_and_the_next_goes_on(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    put(paths.shared_models, BASE, DATA)
    settle(paths, mib_per_second=2)
    parts = paths.models / ".parts"
    with subprocess.Popen([*COMMAND, "--root", str(tmp_path), "sync"], cwd=ROOT) as process:
        try:
            until = time.monotonic() + DEADLINE
            while not (arrived := [part.stat().st_size for part in parts.glob("*.part")]) or arrived[0] < 2_000_000:
                assert time.monotonic() < until and process.poll() is None, "nothing arrived"
                time.sleep(0.02)
            assert marks.busy(paths.marks) == ["models"]
        finally:
            process.kill()
    assert marks.busy(paths.marks) == []
    assert not (paths.models / BASE).exists()
    (part,) = parts.glob("*.part")
    inode = part.stat().st_ino
    settle(paths)
    assert cli.main(["--root", str(tmp_path), "sync"]) == 0
    assert (paths.models / BASE).read_bytes() == DATA
    assert (paths.models / BASE).stat().st_ino == inode, "it went on with what had arrived"


def settle(paths: Paths, mib_per_second: float = 0) -> None:
    paths.settings.parent.mkdir(parents=True, exist_ok=True)
    paths.settings.write_text(
        f'[models]\nsource = "{paths.shared_models}"\nkeep_free_gib = 0\nmib_per_second = {mib_per_second}\n', encoding="utf-8"
    )
