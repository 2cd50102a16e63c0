"""What happened is known to the agent that comes after."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_image.agent.memory import Memory
from cloud_image.agent.wire import Happening


def test_what_was_noted_is_recalled(tmp_path: Path) -> None:
    happened = (Happening(7, 1.0, "One thing."), Happening(8, 2.0, "Another."))
    Memory(tmp_path / "happened.json").note(happened)
    assert Memory(tmp_path / "happened.json").recall() == happened


@pytest.mark.parametrize("text", [None, "", "[]", '{"happened": 5}', '{"happened": [{"number": "x"}]}', '{"happened": [1]}'])
def test_notes_that_cannot_be_read_are_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "happened.json").write_text(text)
    assert Memory(tmp_path / "happened.json").recall() == ()


def test_a_disk_that_takes_no_notes_is_borne(tmp_path: Path) -> None:
    Memory(tmp_path / "nowhere/happened.json").note((Happening(1, 1.0, "One thing."),))
