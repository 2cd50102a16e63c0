from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.jobs.studio import request
from wake_service.comfy.overrides import Overrides
from wake_service.comfy.request import Base, Mode
from wake_service.comfy.styles import PRACTICE_STYLES
from wake_service.jobs.pace import Effort, Pace, effort_of

SKETCH = next(style for style in PRACTICE_STYLES if style.name == "practice-sketch")


def effort(**changes: Any) -> float:
    return effort_of(replace(request(), width=1000, height=1000, **changes), SKETCH).amount


def test_effort_grows_with_pixels_and_steps() -> None:
    assert effort() == SKETCH.steps == 12
    assert effort(overrides=Overrides(steps=24)) == 24
    assert effort_of(replace(request(), width=2000, height=1000), SKETCH).amount == 24


def test_two_passes_are_the_small_one_and_the_share_of_the_large_one() -> None:
    assert effort(first_pass=(500, 500)) == pytest.approx(0.25 * 12 + 5)
    assert effort(first_pass=(500, 500), mode=Mode.IMAGE_TO_IMAGE, strength=0.1) == pytest.approx(0.25 * 12 + 4)
    assert effort(first_pass=(1000, 1000)) == 12


def test_what_was_measured_of_one_family_is_told_of_it_alone() -> None:
    pace = Pace()
    assert pace.seconds(Effort(Base.SD15, 10)) is None
    pace.note(Effort(Base.SD15, 10), 5.0)
    assert pace.seconds(Effort(Base.SD15, 40)) == pytest.approx(20.0)
    assert pace.seconds(Effort(Base.FLUX, 40)) is None


def test_new_measurements_count_more_and_more() -> None:
    pace = Pace()
    pace.note(Effort(Base.SD15, 10), 100.0)
    for _ in range(50):
        pace.note(Effort(Base.SD15, 10), 1.0)
    assert pace.seconds(Effort(Base.SD15, 10)) == pytest.approx(1.0, abs=0.01)
