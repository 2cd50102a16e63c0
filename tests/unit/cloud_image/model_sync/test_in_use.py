"""Files that a process has open or mapped are found, and nobody else's."""

from __future__ import annotations

import mmap
import time
from pathlib import Path

import pytest

from cloud_image.model_sync.in_use import booted_at, open_files


def test_open_and_mapped_files_of_a_running_process_are_found(tmp_path: Path) -> None:
    opened, mapped, idle = (tmp_path / name for name in ("open one", "mapped", "idle"))
    for path in (opened, mapped, idle):
        path.write_bytes(b"x" * 5000)
    with mapped.open("rb") as file:
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    with opened.open("rb"):
        assert open_files(tmp_path) == {opened, mapped}
    view.close()
    assert open_files(tmp_path) == set()


def test_a_process_that_ends_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "13" / "fd").mkdir(parents=True)
    (tmp_path / "self").mkdir()
    assert open_files(tmp_path / "models", tmp_path) == set()


def test_the_boot_was_in_the_past(tmp_path: Path) -> None:
    assert 0 < booted_at() <= time.time()
    (tmp_path / "stat").write_text("cpu 1 2 3\nbtime 1700000000\n")
    assert booted_at(tmp_path) == 1_700_000_000.0
    (tmp_path / "stat").write_text("cpu 1 2 3\n")
    with pytest.raises(OSError, match="boot"):
        booted_at(tmp_path)
