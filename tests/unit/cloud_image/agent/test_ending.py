"""How the engine's process is, as its unit leaves it to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.agent.commands import NOT_RUN, SystemCommands
from cloud_image.agent.ending import JOURNAL, UnitProcess
from cloud_image.engine.exits import write
from tests.unit.cloud_image.agent.fakes import FakeCommands, ended


@pytest.fixture
def units(tmp_path: Path) -> Path:
    (tmp_path / "units").mkdir()
    return tmp_path / "units"


@pytest.fixture
def commands() -> FakeCommands:
    return FakeCommands("got prompt\nRuntimeError: CUDA error: unspecified launch failure\n")


@pytest.fixture
def process(tmp_path: Path, units: Path, commands: FakeCommands) -> UnitProcess:
    return UnitProcess(tmp_path / "last-exit.json", commands, units)


def test_each_start_has_another_name_and_none_has_none(process: UnitProcess, units: Path) -> None:
    link = units / "invocation:comfyui.service"
    names = [process.start()]
    for name in ("one", "two"):
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        names.append(process.start())
    assert names == [None, "one", "two"]


def test_without_systemd_the_engine_counts_as_started(tmp_path: Path, commands: FakeCommands) -> None:
    assert UnitProcess(tmp_path / "last-exit.json", commands, tmp_path / "nowhere").start()


def test_the_record_is_read_and_one_that_is_broken_is_none(process: UnitProcess, tmp_path: Path) -> None:
    assert process.ending() is None
    write(tmp_path / "last-exit.json", ended(5.0))
    assert process.ending() == ended(5.0)
    (tmp_path / "last-exit.json").write_text("{")
    assert process.ending() is None


async def test_the_reason_is_read_out_of_the_journal(process: UnitProcess, commands: FakeCommands) -> None:
    assert "The GPU stopped working (unspecified launch failure)" in (await process.why(ended(5.0))).sentence
    assert commands.ran == [list(JOURNAL)]


async def test_without_a_journal_there_is_still_a_sentence(process: UnitProcess, commands: FakeCommands) -> None:
    commands.said, commands.codes = "", [1]
    assert (await process.why(ended(5.0))).sentence.startswith("The engine crashed")


async def test_a_program_is_run_heard_and_ended_at_its_deadline() -> None:
    commands = SystemCommands()
    outcome = await commands.run(["sh", "-c", "echo yes; echo no >&2; exit 75"], 10)
    assert (outcome.code, outcome.said, outcome.trouble) == (75, "yes\n", "no")
    late = await commands.run(["sleep", "60"], 0.05)
    assert late.code == NOT_RUN and "longer than 0.05 s" in late.trouble
    missing = await commands.run(["no-such-program-here"], 1)
    assert missing.code == NOT_RUN and "cannot be run" in missing.trouble
