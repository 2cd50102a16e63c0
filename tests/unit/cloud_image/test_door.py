"""The door to new prompts: many may close it, each opens only what it closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.door import Closer, Door


def test_nobody_opens_what_another_closed(tmp_path: Path) -> None:
    door = Door(tmp_path)
    assert door.closers() == frozenset()
    door.close(Closer.MONITOR)
    door.close(Closer.SERVICE)
    door.open(Closer.MONITOR)
    assert door.closers() == {Closer.SERVICE}
    door.open(Closer.SERVICE)
    assert door.closers() == frozenset()


def test_closing_and_opening_may_be_repeated(tmp_path: Path) -> None:
    door = Door(tmp_path)
    for _ in range(2):
        door.close(Closer.STOP)
    assert door.closers() == {Closer.STOP}
    for _ in range(2):
        door.open(Closer.STOP)
    assert door.closers() == frozenset()


def test_a_door_that_cannot_be_closed_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Door(tmp_path / "missing").close(Closer.STOP)


def test_the_guard_looks_at_the_files_of_all_closers() -> None:
    guard = (Path(__file__).resolve().parents[3] / "cloud_image/guard/nginx.conf").read_text(encoding="utf-8")
    for closer in Closer:
        assert f"if (-f {Door(Path('/run/wakebrush/door')).file(closer)}) {{ return 503; }}" in guard
