"""Two Kritas of one user: what one has under way is left alone by the other, and taken up when that one has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import wakebrush
from wakebrush.journal import KEPT_SECONDS, Entry, Journal, Mark
from wakebrush.running import Run
from wakebrush.session import Session

from .fake_service import FakeService


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[tuple[Run, Run]]:
    both = Run(tmp_path / "krita" / "running"), Run(tmp_path / "krita" / "running")
    yield both
    for run in both:
        run.end()


def entry(key: str = "key") -> Entry:
    body = {"mode": "text_to_image", "prompt": "a castle", "count": 1, "width": 64, "height": 64, "reference": key}
    return Entry(key, "d1", "", (0, 0, 64, 64), "a castle", body, 1.0)


def keys(journal: Journal) -> list[str]:
    return [kept.entry.key for kept in journal.all()]


def test_a_run_lives_from_its_begin_to_its_end(runs: tuple[Run, Run]) -> None:
    first, second = runs
    assert not second.lives(first.name)
    first.begin()
    assert second.lives(first.name) and first.lives(first.name)
    first.end()
    assert not second.lives(first.name)


def test_what_is_in_the_file_of_a_living_krita_is_not_swept_by_another(tmp_path: Path, runs: tuple[Run, Run]) -> None:
    first, second = (Journal(tmp_path / "journal", run) for run in runs)
    first.write(entry(), {})
    first.receive("key", Mark(0, saved=True), b"one")
    second.sweep(KEPT_SECONDS * 2)
    assert (keys(first), keys(second), first.result("key", 0)) == (["key"], [], b"one")
    runs[0].end()
    second.sweep(KEPT_SECONDS * 2)
    assert keys(second) == []
    assert first.result("key", 0) is None


def test_what_an_ended_krita_left_belongs_to_the_one_that_finds_it(tmp_path: Path, runs: tuple[Run, Run]) -> None:
    first, second = (Journal(tmp_path / "journal", run) for run in runs)
    first.write(entry(), {})
    runs[0].end()
    second.sweep(0.0)
    third = Run(tmp_path / "krita" / "running")
    assert (keys(second), keys(Journal(tmp_path / "journal", third))) == (["key"], [])


def test_a_killed_krita_is_not_taken_for_a_living_one(tmp_path: Path, runs: tuple[Run, Run]) -> None:
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(wakebrush.__file__).parents[1])!r})
from pathlib import Path
from wakebrush.running import Run
run = Run(Path({str(tmp_path / "krita" / "running")!r}))
run.begin()
print(run.name, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert name and runs[0].lives(name)
        other.kill()
    assert not runs[0].lives(name)


def test_the_lock_of_a_crashed_krita_is_gone_after_a_day(tmp_path: Path, runs: tuple[Run, Run]) -> None:
    left = tmp_path / "krita" / "running" / "crashed.lock"
    left.parent.mkdir(parents=True)
    left.touch()
    assert not runs[0].lives("crashed") and left.exists()
    os.utime(left, (time.time() - 90_000, time.time() - 90_000))
    assert not runs[0].lives("crashed") and not left.exists()


def test_a_second_krita_neither_sends_nor_offers_what_the_first_has_under_way(
    new_session: Callable[..., Session], service: FakeService, tmp_path: Path, runs: tuple[Run, Run], qtbot: QtBot
) -> None:
    first = Journal(tmp_path / "krita" / "journal", runs[0])
    first.write(entry("under way"), {})
    first.write(entry("finished"), {})
    first.receive("finished", Mark(0, at=time.time()), b"one")
    Journal(first.folder).write(entry("left behind"), {})
    second = new_session(service)
    qtbot.waitUntil(lambda: "left behind" in service.by_key, timeout=5000)
    assert list(service.by_key) == ["left behind"]
    assert second.results.offer == ""
    assert first.result("finished", 0) == b"one"
