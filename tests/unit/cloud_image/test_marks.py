"""Marks of work: they go with the process that carries them, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from cloud_image.marks import busy, marked

CARRIER = """
import sys, time
from pathlib import Path
from cloud_image.marks import marked
with marked(Path(sys.argv[1]), "models"):
    print("marked", flush=True)
    time.sleep(60)
"""


def test_work_is_marked_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    folder = tmp_path / "marks"
    assert busy(folder) == []
    with marked(folder, "models"), marked(folder, "download"):
        assert busy(folder) == ["download", "models"]
    assert busy(folder) == []


def test_several_may_carry_the_same_mark(tmp_path: Path) -> None:
    with marked(tmp_path, "models"):
        with marked(tmp_path, "models"):
            assert busy(tmp_path) == ["models"]
        assert busy(tmp_path) == ["models"]


def test_looking_does_not_keep_anybody_from_marking(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    assert busy(tmp_path) == []
    with marked(tmp_path, "models"):
        assert busy(tmp_path) == ["models"]


def test_the_mark_of_a_process_that_was_killed_is_gone(tmp_path: Path) -> None:
    carrier = subprocess.Popen([sys.executable, "-c", CARRIER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert carrier.stdout is not None and carrier.stdout.readline() == "marked\n"
        assert busy(tmp_path) == ["models"]
    finally:
        carrier.send_signal(signal.SIGKILL)
        carrier.communicate(timeout=10)
    assert busy(tmp_path) == []
