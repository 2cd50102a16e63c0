"""The admin's capacity file."""

from __future__ import annotations

from pathlib import Path

import pytest

from wake_service.errors import SetupError
from wake_service.providers.ec2.capacity import Plan
from wake_service.providers.ec2.capacity_file import load_plan


def written(folder: Path, text: str) -> Path:
    path = folder / "capacity.toml"
    path.write_text(text)
    return path


def test_without_a_file_nothing_new_is_made() -> None:
    plan = load_plan(None)
    assert plan == Plan() and not plan.create and plan.tries == 3


def test_an_empty_file_is_the_same_as_none(tmp_path: Path) -> None:
    assert load_plan(written(tmp_path, "")) == Plan()


def test_a_file_says_what_to_try(tmp_path: Path) -> None:
    text = 'tries = 2\ntypes = ["g6.xlarge"]\nzones = ["us-east-1b"]\ncreate = true\non_demand = true\n'
    plan = load_plan(written(tmp_path, text))
    assert plan == Plan(tries=2, types=("g6.xlarge",), zones=("us-east-1b",), create=True, on_demand=True)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("tries = 0", "tries"),
        ('types = ["big"]', "types.0"),
        ('zones = ["us-east-1"]', "zones.0"),
        ("creat = true", "creat"),
        ("tries = ", "capacity.toml"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SetupError, match=named):
        load_plan(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        load_plan(tmp_path / "nothing.toml")
