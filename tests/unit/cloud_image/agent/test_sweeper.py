"""Input pictures do not fill the disk."""

from __future__ import annotations

import os

import pytest

from cloud_image.agent.inputs import Inputs
from cloud_image.agent.state import State
from cloud_image.agent.sweeper import PERIOD, Sweeper
from cloud_image.paths import Paths
from tests.unit.cloud_image.agent.conftest import Background, moved, soon
from tests.unit.cloud_image.agent.fakes import nothing
from wake_service.clock import ManualClock


async def test_old_inputs_go_once_they_are_old_and_new_ones_stay(
    paths: Paths, state: State, clock: ManualClock, background: Background
) -> None:
    folder = paths.engine_data / "input/wakebrush"
    folder.mkdir()
    for name, age in (("old.png", 7200), ("young.png", 0)):
        (folder / name).touch()
        os.utime(folder / name, (clock.now() - age, clock.now() - age))
    background(Sweeper(Inputs(paths.engine_data / "input", 1), state, clock, 3 * PERIOD, beat=nothing).run())
    await moved(clock, lambda: not (folder / "old.png").exists(), step=600)
    assert (folder / "young.png").exists() and not state.facts.happened


async def test_a_disk_that_lets_nothing_be_removed_is_said(
    paths: Paths, state: State, clock: ManualClock, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = Inputs(paths.engine_data / "input", 1)

    def refuse(_: float) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(inputs, "sweep", refuse)
    background(Sweeper(inputs, state, clock, 3 * PERIOD, beat=nothing).run())
    await soon(lambda: state.facts.happened)
    assert "could not be removed" in state.facts.happened[0].sentence
