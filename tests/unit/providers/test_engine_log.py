"""What an engine prints: bounded on disk, whole lines on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wake_service.providers.engine_log import EngineLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


def test_lines_are_put_together_from_chunks(path: Path) -> None:
    log = EngineLog(path, 1000)
    assert list(log.feed(b"Starting ser")) == []
    assert list(log.feed(b"ver\n\nTo see")) == ["Starting server"]
    assert list(log.feed(b" the GUI\r\n")) == ["To see the GUI"]
    assert (log.last_words, path.read_bytes()) == ("To see the GUI", b"Starting server\n\nTo see the GUI\r\n")
    log.close()


def test_a_progress_bar_is_lines(path: Path) -> None:
    log = EngineLog(path, 1000)
    assert list(log.feed(b"10%\r20%\r")) == ["10%", "20%"]
    log.close()


def test_a_line_without_end_does_not_grow_for_ever(path: Path) -> None:
    log = EngineLog(path, 10_000_000)
    for _ in range(100):
        assert list(log.feed(b"x" * 10_000)) == []
    (line,) = log.feed(b"\n")
    assert len(line) <= 8192
    log.close()


def test_the_two_files_stay_within_their_bound(path: Path) -> None:
    log = EngineLog(path, 100)
    for number in range(50):
        list(log.feed(b"line %04d\n" % number))
        assert path.stat().st_size <= 100
    older = path.with_name("engine.log.1")
    assert older.stat().st_size <= 100
    assert (older.read_text() + path.read_text()).splitlines()[-1] == "line 0049"
    log.close()


def test_the_next_life_writes_on(path: Path) -> None:
    for _ in range(2):
        log = EngineLog(path, 1000)
        list(log.feed(b"hello\n"))
        log.close()
    assert path.read_text() == "hello\nhello\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_costs_the_log_and_not_the_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EngineLog(path, 1000)

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert list(log.feed(b"To see the GUI\n")) == ["To see the GUI"]
    log.close()
