"""Packer is found, told what to build, and let clear away."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from wake_service.errors import SetupError
from wake_service.images.packer import BuildFailed, Packer, find_packer, find_template, read_version, run

WAIT = 20.0


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/usr/bin/env bash", "set -euo pipefail", *lines]) + "\n")
    path.chmod(0o755)
    return path


def test_a_modern_packer_fetches_its_plugins_and_builds_in_the_template_itself() -> None:
    commands = Packer("packer", (1, 14, 2)).commands(Path("/t"), Path("/copy"), {"region": "us-east-1"})
    assert commands == [["packer", "init", "/t"], ["packer", "build", "-color=false", "-var", "region=us-east-1", "/t"]]


def test_an_old_packer_builds_in_a_copy_without_what_it_does_not_know() -> None:
    commands = Packer("packer", (1, 6, 6)).commands(Path("/t"), Path("/copy"), {})
    assert commands == [["/t/for-1.6.6", "/copy"], ["packer", "build", "-color=false", "/copy"]]


@pytest.mark.parametrize(("text", "version"), [("Packer v1.6.6\n", (1, 6, 6)), ("Packer v1.14.0-dev\nnew\n", (1, 14, 0))])
def test_the_version_is_read(text: str, version: tuple[int, int, int]) -> None:
    assert read_version("packer", text) == version


def test_another_program_of_that_name_is_told_apart() -> None:
    with pytest.raises(SetupError, match="is not HashiCorp's Packer"):
        read_version("/usr/sbin/packer", "/usr/share/cracklib/pw_dict 1.2.3\n")


async def test_where_to_get_packer_is_said_when_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"Get it from https://developer\.hashicorp\.com/packer/install"):
        await find_packer()


async def test_the_packer_of_this_computer_is_asked_for_its_version(tmp_path: Path) -> None:
    found = await find_packer(str(script(tmp_path / "packer", "echo Packer v1.14.2")))
    assert found.version == (1, 14, 2)


def test_a_folder_without_a_template_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="--template FOLDER"):
        find_template(tmp_path)
    (tmp_path / "image.pkr.hcl").touch()
    assert find_template(tmp_path) == tmp_path.resolve()


async def test_lines_are_told_as_they_come(tmp_path: Path) -> None:
    said: list[str] = []
    await run(
        [str(script(tmp_path / "packer", "echo one", "echo two >&2", 'echo "$WORD"'))],
        {**os.environ, "WORD": "three"},
        said.append,
    )
    assert said == ["one", "two", "three"]


async def test_a_build_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="`packer build` ended with 3"):
        await run([str(script(tmp_path / "packer", "exit 3")), "build"], os.environ, lambda _: None)


async def test_an_interrupted_packer_is_told_once_and_waited_for(tmp_path: Path) -> None:
    count = tmp_path / "interrupts"
    slow = script(
        tmp_path / "packer",
        f"trap 'echo interrupt >> {count}' INT",
        "echo building",
        f"until [ -s {count} ]; do sleep 0.05; done",
        "sleep 0.3",
        "echo cleared",
        "exit 1",
    )
    said: list[str] = []
    building = asyncio.Event()

    def tell(line: str) -> None:
        said.append(line)
        building.set()

    task = asyncio.ensure_future(run([str(slow), "build"], os.environ, tell))
    async with asyncio.timeout(WAIT):
        await building.wait()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled() and said[-1] == "cleared"
    assert count.read_text().splitlines() == ["interrupt"]


async def test_the_terminals_own_interrupt_does_not_reach_packer_too(tmp_path: Path) -> None:
    said: list[str] = []
    await run([str(script(tmp_path / "packer", "ps -o pgid= -p $$"))], os.environ, said.append)
    assert int(said[0]) != os.getpgrp(), "it would be interrupted twice, and clear nothing away"
