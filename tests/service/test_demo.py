"""`wakebrush demo`, the whole tour, as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

WAKEBRUSH = str(Path(sys.executable).with_name("wakebrush"))


def demo(output: Path, temporary: Path, **environment: str) -> subprocess.Popen[str]:
    """A tour under way, with its temporary files where the test can find them."""
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [WAKEBRUSH, "demo", "--output", str(output)],
        env=os.environ | {"TMPDIR": str(temporary)} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )


def hear_ctrl_c() -> None:
    """A shell has its background jobs ignore Ctrl+C, and so would all that they start: tests may be such a job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """One whole tour: its output folder, its temporary folder, what it said."""
    output, temporary = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("temporary")
    with demo(output, temporary) as process:
        said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    return output, temporary, said


def left_over(temporary: Path) -> list[str]:
    """Command lines of processes that still work below a temporary folder."""
    running = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in running if any(str(temporary) in word for word in words)]


def test_the_tour_reports_the_whole_way_from_asleep_to_asleep(tour: tuple[Path, Path, str]) -> None:
    report = json.loads((tour[0] / "report.json").read_text(encoding="utf-8"))
    states = report["machine_states"]
    assert states[:2] == ["asleep", "waking"] and "busy" in states
    assert report["final_machine_state"] == states[-1] == "asleep"
    assert report["job_states"] == ["queued", "running", "succeeded"]
    assert report["cost"]["amount"] > 0
    stages = report["wake_seconds"]
    assert stages["total"] == pytest.approx(sum(stages.values()) - stages["total"], abs=0.01)


def test_the_tour_changes_the_painting_only_where_the_mask_is(tour: tuple[Path, Path, str]) -> None:
    def pixels(name: str) -> np.ndarray:
        with Image.open(tour[0] / f"{name}.png") as picture:
            return np.asarray(picture.copy())

    before, after, mask = pixels("before"), pixels("after"), pixels("mask")
    assert (before[mask == 0] == after[mask == 0]).all()
    assert (before[mask == 255] != after[mask == 255]).any(axis=-1).mean() > 0.9


def test_the_tour_says_stages_steps_cost_and_where_the_pictures_are(tour: tuple[Path, Path, str]) -> None:
    output, _, said = tour
    for expected in ("no AI", "Waking: the machine boots", "step 12 of 12", "The machine is asleep", "USD at 1.006 USD an hour"):
        assert expected in said
    assert str(output / "after.png") in said


def test_the_tour_leaves_nothing_behind(tour: tuple[Path, Path, str]) -> None:
    assert left_over(tour[1]) == []
    assert list(tour[1].iterdir()) == []


def test_a_tour_that_is_interrupted_leaves_nothing_running(tmp_path: Path) -> None:
    with demo(tmp_path / "out", tmp_path / "temporary") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "the machine boots" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert process.returncode == 130
    assert "Stopped. Nothing is left running." in said
    assert "Traceback" not in said
    assert left_over(tmp_path / "temporary") == []


def test_a_tour_that_cannot_write_says_so_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with demo(tmp_path / "file" / "out", tmp_path / "temporary") as process:
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "The tour ended early. A file could not be read or written" in said
    assert "Traceback" not in said
