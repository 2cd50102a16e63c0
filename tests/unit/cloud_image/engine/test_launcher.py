"""`wakebrush-engine`: what it becomes, and what it notes when that ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cloud_image.engine import exits
from cloud_image.engine.cli import ended, journal, main, run
from cloud_image.engine.exits import LONGEST_PAUSE, TOGETHER_SECONDS, Exit, following, pause
from cloud_image.paths import Paths

KILLED = {"SERVICE_RESULT": "oom-kill", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"}
FAILED = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "1"}
STOPPED = {"SERVICE_RESULT": "success", "EXIT_CODE": "killed", "EXIT_STATUS": "TERM"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 16000000 kB\n", encoding="ascii")
    paths.engine_exit.parent.mkdir(parents=True)
    return paths


class Process:
    """Becomes nothing, and remembers what it should have become."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.pauses: list[float] = []
        self.folder: Path | None = None
        self.line: list[str] = []

    def become(self, folder: Path, line: list[str]) -> None:
        self.folder, self.line = folder, line

    def run(self) -> list[str]:
        run(self.paths, self.pauses.append, self.become)
        return self.line


def note(paths: Paths, variables: dict[str, str], now: float = 1000.0, lines: tuple[str, ...] = ()) -> Exit:
    ended(paths, variables, now, lambda: lines)
    found = exits.read(paths.engine_exit)
    assert found is not None
    return found


def test_it_becomes_comfyui_in_its_own_environment(paths: Paths) -> None:
    process = Process(paths)
    line = process.run()
    assert line[:2] == [str(paths.root / "opt/comfyui/venv/bin/python"), "main.py"]
    assert process.folder == paths.engine and process.pauses == []
    assert (paths.engine_data / "user").is_dir(), "ComfyUI does not start without it"


def test_the_end_is_noted_as_the_agent_reads_it(paths: Paths) -> None:
    note(paths, FAILED)
    written = json.loads(paths.engine_exit.read_text(encoding="utf-8"))
    expected = {"at": 1000.0, "result": "exit-code", "code": "exited", "status": "1", "starts": 1, "memory": False}
    assert expected.items() <= written.items()


@pytest.mark.parametrize(
    ("variables", "lines"), [(KILLED, ()), (FAILED, ("MemoryError",)), (FAILED, ("torch.OutOfMemoryError: CUDA out of memory.",))]
)
def test_after_an_end_for_want_of_memory_it_keeps_less_for_the_rest_of_this_boot(
    paths: Paths, variables: dict[str, str], lines: tuple[str, ...]
) -> None:
    assert "--cache-none" not in Process(paths).run()
    assert note(paths, variables, lines=lines).memory
    assert "--cache-none" in Process(paths).run()
    assert not note(paths, STOPPED, now=9000.0).memory
    assert "--cache-none" in Process(paths).run()


def test_an_end_for_another_reason_changes_nothing(paths: Paths) -> None:
    assert not note(paths, FAILED, lines=("ModuleNotFoundError: No module named 'x'",)).memory
    assert "--cache-none" not in Process(paths).run()


def test_the_first_failure_is_followed_at_once_and_then_it_waits_longer_each_time(paths: Paths) -> None:
    process = Process(paths)
    now = 1000.0
    for _ in range(10):
        note(paths, FAILED, now)
        process.run()
        now += 20.0
    assert process.pauses[:4] == [2.0, 4.0, 8.0, 16.0]
    assert process.pauses == sorted(process.pauses) and process.pauses[-1] == LONGEST_PAUSE


def test_a_life_that_lasted_forgives_what_was_before() -> None:
    first = following(None, 0.0, "exit-code", "exited", "1", memory=False)
    close = following(first, TOGETHER_SECONDS - 1, "exit-code", "exited", "1", memory=False)
    later = following(close, 3 * TOGETHER_SECONDS, "exit-code", "exited", "1", memory=False)
    assert (first.streak, close.streak, later.streak) == (1, 2, 1)
    assert (first.starts, close.starts, later.starts) == (1, 2, 3)


def test_a_stop_that_somebody_asked_for_is_no_failure() -> None:
    failed = following(None, 0.0, "exit-code", "exited", "1", memory=False)
    stopped = following(failed, 1.0, "success", "killed", "TERM", memory=False)
    assert stopped.streak == 0 and pause(stopped) == 0.0


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    first = following(None, 5000.0, "exit-code", "exited", "1", memory=False)
    assert following(first, 100.0, "exit-code", "exited", "1", memory=False).streak == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at": 1}'])
def test_a_note_that_is_damaged_is_as_none(paths: Paths, text: str) -> None:
    paths.engine_exit.write_text(text, encoding="utf-8")
    assert exits.read(paths.engine_exit) is None
    assert note(paths, FAILED).starts == 1


def test_notes_of_a_later_version_can_be_read(paths: Paths) -> None:
    note(paths, FAILED)
    written = json.loads(paths.engine_exit.read_text(encoding="utf-8")) | {"colour": "red"}
    paths.engine_exit.write_text(json.dumps(written), encoding="utf-8")
    assert exits.read(paths.engine_exit) is not None


def test_the_command_prints_how_it_would_start(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(paths.root), "run", "--print"]) == 0
    assert "main.py --listen 127.0.0.1" in capsys.readouterr().out


def test_settings_that_cannot_be_used_are_a_sentence(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text("[engine]\nport = 'x'", encoding="utf-8")
    assert main(["--root", str(paths.root), "run"]) == 1
    assert capsys.readouterr().err.startswith("The engine cannot be started: The machine's settings")


def test_an_engine_that_is_not_installed_is_a_sentence(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(paths.root), "run"]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_the_command_notes_an_end(paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KILLED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--root", str(paths.root), "ended"]) == 0
    found = exits.read(paths.engine_exit)
    assert found is not None and found.memory


def test_an_end_that_cannot_be_noted_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "ended"]) == 1
    assert "How the engine ended cannot be noted" in capsys.readouterr().err


def test_a_journal_that_does_not_answer_leaves_the_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "journalctl"
    program.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("cloud_image.engine.cli._JOURNAL_SECONDS", 0.1)
    assert journal() == []
